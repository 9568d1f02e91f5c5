"""Laws of the penalties, on inputs that Hypothesis chooses: values, proximal maps and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpudict
from gpudict.objective import quadratic
from gpudict.objective.penalties import faces, norm
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.penalties.l1 import L1
from tests.support import oracles, problems

seeds = st.integers(0, 2**31)
steps = st.floats(1e-3, 10)


def near(Z, rng):
    """Return points around Z at many distances."""
    for size in (1e-3, 0.1, 1.0, 10.0):
        yield Z + size * rng.standard_normal(Z.shape)


@given(seeds, steps, st.floats(0, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_soft_threshold_is_a_prox(seed, step, alpha, positive):
    """prox(Z, t) minimises t·value + ½‖· − Z‖² among all feasible points, near and far."""
    rng = np.random.default_rng(seed)
    Z = 3 * rng.standard_normal((4, 5))
    penalty = L1(alpha, positive)

    def cost(P):
        return step * penalty.value(P) + 0.5 * ((P - Z) ** 2).sum(axis=1)

    best = penalty.prox(Z, step)
    assert not positive or (best >= 0).all()
    for P in near(best, rng):
        P = np.maximum(P, 0) if positive else P
        assert (cost(best) <= cost(P) + 1e-12).all()


@given(seeds, st.booleans())
@settings(max_examples=60, deadline=None)
def test_sphere_and_ball_project(seed, positive):
    """prox is the nearest feasible point, also where a column has no positive entry."""
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((4, 6)) * rng.choice([1e-200, 0.1, 1, 1e200], size=(1, 6))
    Z[:, 0] = -np.abs(Z[:, 0])
    Z[:, 1] = 0
    for penalty in (UnitSphere(positive), UnitBall(positive)):
        if isinstance(penalty, UnitBall):
            Z = np.clip(Z, -1e3, 1e3)
        best = penalty.prox(Z, 1.0)
        assert (penalty.value(best) == 0).all()
        size = np.maximum(np.abs(Z).max(axis=0), 1)
        for P in near(best, rng):
            P = penalty.prox(P, 1.0)
            far = (((P - Z) / size) ** 2).sum(axis=0)
            assert ((((best - Z) / size) ** 2).sum(axis=0) <= far + 1e-12).all()


@given(seeds, st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_cardinality_keeps_the_largest(seed, most):
    rng = np.random.default_rng(seed)
    Z = rng.integers(-3, 4, size=(6, 8)).astype(float)
    best = Cardinality(most).prox(Z, 1.0)
    kept = np.sort(np.abs(best), axis=1)[:, ::-1]
    np.testing.assert_array_equal(kept[:, :most], np.sort(np.abs(Z), axis=1)[:, ::-1][:, :most])
    assert not kept[:, most:].any()


@given(seeds, st.booleans())
@settings(max_examples=80, deadline=None)
def test_gap_bounds_the_suboptimality_of_any_code(seed, positive):
    """From anywhere, not just near the optimum; and it is the oracle's gap."""
    rng = np.random.default_rng(seed)
    p = problems.coding(int(rng.integers(10_000)), most=6)
    U = rng.standard_normal((len(p.X), len(p.V))) * rng.choice([0, 0.1, 3])
    U = np.abs(U) if positive else U
    q = quadratic.least_squares(p.X, p.V)
    gap = L1(p.alpha, positive).gap(q, U, quadratic.correlation(q, U))
    best = [oracles.lasso_by_enumeration(x, p.V, p.alpha, positive) for x in p.X]
    away = oracles.lasso_objective(p.X, p.V, U, p.alpha) - best
    assert (gap >= away - 1e-12 * 0.5 * (p.X**2).sum(axis=1) - 1e-12 * away).all()
    judged = oracles.lasso_gap(p.X, p.V, U, p.alpha, positive)
    np.testing.assert_allclose(gap, judged, rtol=1e-9, atol=1e-12 * (1 + (p.X**2).sum()))


@pytest.mark.parametrize("positive", [False, True])
def test_rounding_is_in_the_certificate(positive, monkeypatch: pytest.MonkeyPatch):
    """Once: by its unit, by what it does to each part of the gap, and no more than that."""
    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((9, 5)), problems.unit(rng.standard_normal((6, 5)))
    U = rng.standard_normal((9, 6)) * (rng.random((9, 6)) < 0.5) * np.geomspace(1e-3, 1, 9)[:, None]
    U = np.abs(U) if positive else U
    size, mass = np.linalg.norm(X, axis=1), np.abs(U).sum(axis=1)
    wide = quadratic.least_squares(X, 3 * V)
    for form, summands in ((wide, 5), (wide._replace(factors=None), 6)):
        unit = (4 + summands**0.5) * np.finfo(float).eps
        np.testing.assert_allclose(norm.noise(form, U), unit * (size + 3 * mass))
    unit = 1e-3
    monkeypatch.setattr(norm, "unit", lambda q, Z: unit)
    q = quadratic.least_squares(X, V)
    for alpha in (0.01, 0.3, 20.0):
        scaled = oracles.lasso_bound(X, V, U, alpha, positive, unit)
        zero = oracles.lasso_objective(X, V, U, alpha) + unit * (size + mass) ** 2
        found = L1(alpha, positive).certificate(q, U)
        np.testing.assert_allclose(found, np.minimum(scaled, zero), rtol=1e-10)


@pytest.mark.parametrize("positive", [False, True])
def test_bounds_at_a_face_are_close(positive):
    """On the face of the optimum they are how far codes are above it, and closer than the gap."""
    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((30, 8)), rng.standard_normal((12, 8))
    best = gpudict.encode(X, V, alpha=0.5, positive=positive, tol=1e-15).Z
    U = best * (1 + 1e-3 * rng.standard_normal(best.shape))
    away = oracles.lasso_objective(X, V, U, 0.5) - oracles.lasso_objective(X, V, best, 0.5)
    penalty, most = L1(0.5, positive), np.abs(best).sum(axis=1).max()
    whole = quadratic.least_squares(X, V)
    for q in (whole, quadratic.by_factors(X, V), whole._replace(factors=None)):
        face = faces.face_of(q, U, U, U != 0)
        for bound in (penalty._exact_face(q, U, face), penalty._inner_face(q, U, face)):
            assert (bound >= away * (1 - 1e-6) - 1e-13).all()
            assert (bound <= away * (1 + 1e-6) + 1e-13 * most).all()
        assert (penalty.closer(q, U) <= away * (1 + 1e-6) + 1e-13 * most).all()
        assert (penalty.certificate(q, U) > 10 * away).mean() > 0.5
        found = [b[:10] for b in (penalty.closer(q, 2 * U), penalty.certificate(q, 2 * U))]
        assert (found[0] <= found[1] * 10).all()


def test_rounding_is_in_the_bounds_at_a_face(monkeypatch: pytest.MonkeyPatch):
    """At the optimum of orthonormal atoms nothing else is, and how much is known."""
    X = np.array([[3.0, 0.2, 0, 0], [3, -2, 0.1, 0], [2, 3, -4, 0]])
    U = np.sign(X) * np.maximum(np.abs(X) - 1, 0)
    q, penalty, unit = quadratic.least_squares(X, np.eye(4)), L1(1.0), 1e-4
    m, mass = np.array([1, 2, 3]), np.abs(U).sum(axis=1)
    monkeypatch.setattr(norm, "noise", lambda q, Z: np.full(3, unit))
    face = faces.face_of(q, U, U, U != 0)
    exact = 0.5 * unit**2 * (np.sqrt(2 * m) + 1) ** 2
    np.testing.assert_allclose(penalty._exact_face(q, U, face), exact, rtol=1e-9)
    inner = unit * (8 * m * unit + 4 * mass + unit + 3 * (mass + 4 * unit * m))
    np.testing.assert_allclose(penalty._inner_face(q, U, face), inner, rtol=1e-9)
    for beyond in (1.5, 3.2):  # of ν: an atom outside the face, below alpha
        X[:, 3] = 1 - beyond * unit
        near = quadratic.least_squares(X, np.eye(4))
        found = penalty._exact_face(near, U, face)
        np.testing.assert_array_equal(np.isfinite(found), beyond > 1 + np.sqrt(2 * m))
    X[:, 3] = 1.5  # and above
    q, s, Y = quadratic.least_squares(X, np.eye(4)), 1 / (1.5 + unit), 4 * unit
    rr, own = ((X - U) ** 2).sum(axis=1), Y * m
    away = (1 - s) ** 2 * rr + 2 * s * (1 - s) * own + s**2 * Y**2 * m
    slack = mass * (1 - s * (1 - Y))
    rounding = unit * (unit + 3 * (mass + Y * m)) + (1 - s) * unit * np.linalg.norm(X, axis=1)
    found = penalty._inner_face(q, U, face)
    np.testing.assert_allclose(found, 0.5 * away + slack + rounding, rtol=1e-9)


@pytest.mark.parametrize("positive", [False, True])
def test_an_atom_that_pulls_exactly_alpha_is_of_the_face(positive):
    """Rounding may let it pull more: the bound is as close as if it did not."""
    X = np.array([[3.0, 1, 0, 0], [2, -1, 1, 0.5], [1, 0, 0, 0]])
    U = np.array([[2.0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    q = quadratic.least_squares(X, np.eye(4))
    face = faces.face_of(q, U, X - U, np.abs(X - U) == 1)
    assert (L1(1.0, positive)._exact_face(q, U, face) < 1e-25).all()
    assert (L1(1.0, positive).closer(q, U) < 1e-25).all()
    none = quadratic.least_squares(X / 10, np.eye(4))
    assert (L1(1.0, positive).closer(none, 0 * U) < 1e-25).all()


@pytest.mark.parametrize(("off", "seen"), [(1e-15, False), (1e-13, True)])
def test_a_solver_steers_by_what_is_no_rounding(off, seen):
    """Far below it alpha is met by a correlation that may be none; one that is real is not."""
    q = quadratic.least_squares(np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]]))
    Z = np.array([[1 - off]])
    gap = L1(off / 100).gap(q, Z, quadratic.correlation(q, Z))
    np.testing.assert_allclose(gap, 0.5 if seen else 0, atol=0.05)


@pytest.mark.parametrize("alpha", [1e-46, 1e-300])
def test_an_alpha_that_float32_rounds_to_0(alpha: float):
    """The gap of a row that fits exactly is a number, 0, which ends it, and so is that of zeros."""
    X, V = np.array([[0, 0, 0], [2, 0, 0], [3, 4, 0]], np.float32), np.eye(3, dtype=np.float32)
    q = quadratic.least_squares(X, V)
    for each in (alpha, np.full(3, alpha)):
        penalty = L1(each).astype(np.float32)
        assert not penalty.alphas(q.sq).any()
        np.testing.assert_array_equal(penalty.gap(q, X, 0 * X), 0)
        np.testing.assert_allclose(penalty.gap(q, 0 * X, q.cov), 0.5 * q.sq, rtol=1e-4)


def test_values_say_what_is_feasible():
    """0 inside, inf outside: for each row of codes, for each column of atoms."""
    good, long, negative = np.array([0.6, 0.8]), np.array([1.0, 1.0]), np.array([0.6, -0.8])
    Z = np.stack([good, long, negative, 0.5 * good], axis=1)
    inf = np.inf
    for penalty, value in (
        (UnitSphere(), [0, inf, 0, inf]),
        (UnitSphere(True), [0, inf, inf, inf]),
        (UnitBall(), [0, inf, 0, 0]),
        (UnitBall(True), [0, inf, inf, 0]),
    ):
        np.testing.assert_array_equal(penalty.value(Z), value)
    rows = np.array([[1.0, 0, 2], [1, 1, 1], [0, -1, 0]])
    np.testing.assert_array_equal(Cardinality(2).value(rows), [0, inf, 0])
    np.testing.assert_array_equal(Cardinality(2, positive=True).value(rows), [0, inf, inf])
    np.testing.assert_array_equal(L1(2.0).value(rows), [6, 6, 2])
