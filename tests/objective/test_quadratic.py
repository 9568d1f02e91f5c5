"""Laws of the quadratic and its inverses, on inputs that Hypothesis chooses."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gpudict.objective import inverses, quadratic, small_grams

seeds = st.integers(0, 2**31)


@given(seeds, st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_quadratic_is_the_least_squares(seed, d, k):
    """Value, gradient and residual, by the Gram and by the factors."""
    rng = np.random.default_rng(seed)
    X, V = rng.standard_normal((3, d)), rng.standard_normal((k, d))
    Z = rng.standard_normal((3, k))
    q = quadratic.least_squares(X, V)
    R = X - Z @ V
    for form in (q, q._replace(factors=None), q._replace(gram=None)):
        corr = quadratic.correlation(form, Z)
        np.testing.assert_allclose(corr, R @ V.T, atol=1e-10)
        np.testing.assert_allclose(quadratic.product(form, Z), Z @ V @ V.T, atol=1e-10)
        for xr, rr in (quadratic.residual(form, Z, corr), quadratic.exact(form, Z)[1:]):
            np.testing.assert_allclose(xr, (X * R).sum(axis=1), atol=1e-9)
            np.testing.assert_allclose(rr, (R * R).sum(axis=1), atol=1e-9)
        np.testing.assert_allclose(quadratic.exact(form, Z)[0], corr, atol=1e-9)
        np.testing.assert_allclose(quadratic.squared_error(form, Z, corr), rr, atol=1e-9)
        some = rng.integers(0, k, (3, 2))
        grams = small_grams.small_grams(form, some)
        np.testing.assert_allclose(grams, V[some] @ V[some].transpose(0, 2, 1), atol=1e-10)
        last = quadratic.of_rows(form, np.array([2]))
        np.testing.assert_allclose(quadratic.correlation(last, Z[2:]), corr[2:], atol=1e-10)
        np.testing.assert_allclose(quadratic.diagonal(form), (V * V).sum(axis=1), atol=1e-12)
        unit, norm = small_grams.with_unit_atoms(form)
        np.testing.assert_allclose(quadratic.diagonal(unit), 1)
        np.testing.assert_allclose(quadratic.correlation(unit, Z * norm) * norm, corr, atol=1e-9)
        top = np.linalg.eigvalsh(V @ V.T).max()
        bound = quadratic.spectral_bound(form)
        assert top <= bound <= top * min(k, d) ** (1 / 16) * 1.0001
        tiny = form._replace(gram=None if form.gram is None else form.gram * 1e-250)
        if tiny.gram is not None:
            tiny = tiny._replace(factors=None)
            np.testing.assert_allclose(quadratic.spectral_bound(tiny), bound * 1e-250, rtol=0.5)
            W = 1e-125 * inverses.whitening(tiny)
            np.testing.assert_allclose(W @ W.T, np.linalg.pinv(V @ V.T), atol=1e-4)
        single = quadratic.astype(form, np.float32)
        for one, two in zip(single[:3], form[:3], strict=True):
            assert (one is None) == (two is None)
            assert one is None or one.dtype == np.float32
            assert one is None or np.allclose(one, two, rtol=1e-4, atol=1e-4)
        W = inverses.whitening(form)
        np.testing.assert_allclose(W @ W.T, np.linalg.pinv(V @ V.T), atol=1e-4)


@given(seeds, st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_statistics_add_up(seed, forget):
    rng = np.random.default_rng(seed)
    X, U = rng.standard_normal((9, 4)), rng.standard_normal((9, 3))
    one, two = quadratic.statistics(X[:5], U[:5]), quadratic.statistics(X[5:], U[5:])
    both = quadratic.accumulate(one, two, forget=forget)
    w = np.r_[np.full(5, np.sqrt(forget)), np.ones(4)][:, None]
    whole = quadratic.statistics(w * X, w * U)
    np.testing.assert_allclose(one.sq, (X[:5] ** 2).sum(axis=0))
    np.testing.assert_allclose(quadratic.accumulate(one, two).gram, U.T @ U)
    for a, b in zip(both[:3], whole[:3], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_atoms_are_held_by_a_diagonal_too():
    """Those that some are forget what was known of them, and the others do not."""
    rng = np.random.default_rng(0)
    some, V = np.array([True, False, True]), rng.standard_normal((3, 4))
    q = quadratic.statistics(rng.standard_normal((9, 4)), rng.standard_normal((9, 3)))
    apart = q._replace(gram=quadratic.diagonal(q))
    one, two = (quadratic.anchored(form, some, V, 0.3) for form in (q, apart))
    np.testing.assert_array_equal(quadratic.diagonal(one), quadratic.diagonal(two))
    np.testing.assert_array_equal(one.cov, two.cov)
    np.testing.assert_allclose(two.gram[some], 0.3)
    np.testing.assert_allclose(two.cov[:, some], 0.3 * V[some].T)


@given(seeds, st.sampled_from([0.0, 1e-3, 1.0, 100.0]))
@settings(max_examples=20, deadline=None)
def test_a_ridge_is_the_minimum(seed, strength):
    """Of the quadratic and half the strength times the square; for 0 the one of least norm."""
    rng = np.random.default_rng(seed)
    X, V = rng.standard_normal((3, 6)), rng.standard_normal((8 if strength == 0 else 5, 6))
    Z = inverses.ridge(quadratic.least_squares(X, V), strength)
    np.testing.assert_allclose((X - Z @ V) @ V.T, strength * Z, atol=1e-8)
    np.testing.assert_allclose(Z, Z @ V @ np.linalg.pinv(V), atol=1e-8)


def test_what_is_doubted_of_a_span():
    """Nothing of copies, opposites, multiples and zeros; what is rounding where one depends."""
    V = np.random.default_rng(0).standard_normal((3, 6))
    V[1, 0] = V[2, :2] = 0
    copies = np.concatenate([V, -V, 4 * V[:1], -V[:1] / 2, 0 * V, V])
    for atoms, doubted in ((V, False), (copies, False), (np.array([*V, V[0] - 3 * V[1]]), True)):
        span, turned, hidden = inverses.basis(atoms)
        np.testing.assert_allclose(span.T @ span, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(atoms @ span @ span.T, atoms, atol=1e-12)
        assert (hidden > 0) == doubted
        assert 0 < turned < 1e-13
    span, *doubts = inverses.basis(np.concatenate([V, np.eye(6)]))
    np.testing.assert_array_equal(span, np.eye(6))
    assert doubts == [0, 0]
