"""Arrays of the host, compiled: threads change no bit, and every row is finished, or said."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.coding import on_host
from gpudict.solvers.host import _products
from gpudict.solvers.host.kernels import products
from gpudict.solvers.registry import all_solvers
from tests.support import oracles, problems

PURSUIT = {"n_nonzero_coefs": 4}


class TestThreads:
    """Any number of them gives the same bits, and any chunk the same codes."""

    @pytest.mark.parametrize("options", [{"alpha": 0.1}, PURSUIT], ids=["lasso", "omp"])
    def test_same_bits(self, signal, dtype, options, monkeypatch: pytest.MonkeyPatch):
        X, V = (a.astype(dtype) for a in signal)
        one = gpudict.encode(X, V, **options, n_jobs=1)
        for n_jobs in (2, 3, -1, None):
            many = gpudict.encode(X, V, **options, n_jobs=n_jobs)
            np.testing.assert_array_equal(many.Z, one.Z)
            np.testing.assert_array_equal(many.gap, one.gap)
        monkeypatch.setattr(on_host, "ROWS", 7)
        np.testing.assert_allclose(gpudict.encode(X, V, **options).Z, one.Z, atol=1e-6)

    def test_read_only_and_strided(self, signal):
        X, V = signal
        wide = np.zeros((X.shape[0], 2 * X.shape[1]))
        wide[:, ::2] = X
        wide.flags.writeable = False
        found = gpudict.encode(wide[:, ::2], np.asfortranarray(V), alpha=0.1)
        np.testing.assert_allclose(found.Z, gpudict.encode(X, V, alpha=0.1).Z, atol=1e-10)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("n", "k", "sizes"),
    [(300, 100, [300]), (330, 100, [165] * 2), (1600, 100, [400] * 4), (6000, 64, [500] * 12)],
)
def test_chunks_are_worth_their_start_and_end_together(n, k, sizes, monkeypatch):
    """Rows of little work are one chunk; of more an even number, of some 2^15 codes each."""
    rng, seen, plain = np.random.default_rng(0), [], on_host.in_parallel
    X, V = rng.standard_normal((n, 8)), problems.unit(rng.standard_normal((k, 8)))

    def in_parallel(job, items, workers):
        seen.extend(items)
        return plain(job, items, workers)

    monkeypatch.setattr(on_host, "in_parallel", in_parallel)
    gpudict.encode(X, V, alpha=1.0, tol=1e-6)  # a tolerance, or few rows were coded at once
    assert np.diff([*seen, n]).tolist() == sizes


@pytest.mark.compiled
@pytest.mark.parametrize("options", [{"alpha": 0.1}, PURSUIT], ids=["lasso", "omp"])
def test_sparse_codes_hold_what_they_show(signal, dtype, options):
    """And not the space that the solver had for more of them."""
    X, V = (a[:40].astype(dtype) for a in signal)
    found = gpudict.encode(X, V, **options, sparse_output=True).Z
    for part in (found.data, found.indices):
        assert part.base is None or part.base.size == part.size


@pytest.mark.parametrize(
    ("n", "d", "k"), [(9, 8, 5), (500, 200, 20), (523, 300, 7), (300, 64, 256), (150, 700, 130)]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products_by_parts_are_products(n: int, d: int, k: int, dtype: str):
    """Of few rows, of rows in parts, the last one shorter, and of so many atoms that none come."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 2 * d)).astype(dtype)[:, ::2]
    V, squares = rng.standard_normal((k, d)), np.zeros(n)
    made = _products.product(X, V, squares)
    assert made.dtype == np.float64
    exact = X.astype(np.float64)
    np.testing.assert_allclose(made, exact @ V.T, atol=1e-10)
    np.testing.assert_allclose(squares, (exact**2).sum(axis=1), rtol=1e-13)
    single = _products.product(X.astype(np.float32), V.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact @ V.T, atol=1e-3)


@pytest.mark.parametrize("n", [8, 523])
def test_rows_that_are_mostly_zero_are_multiplied_by_the_rest(n: int, monkeypatch):
    """Of any number of entries, none among them; by BLAS where there are more, or few rows."""
    rng, taken = np.random.default_rng(0), []
    X = rng.standard_normal((n, 700)) * (rng.random((n, 700)) < np.linspace(0, 0.15, n)[:, None])
    V, squares, out = rng.standard_normal((300, 700)), np.zeros(n), np.full((n + 1, 300), np.nan)
    scarce = products.scarce
    monkeypatch.setattr(products, "scarce", lambda *a: taken.append(scarce(*a)))
    made = _products.product(X, V, squares, out)
    assert np.shares_memory(made, out)
    np.testing.assert_allclose(made, X @ V.T, atol=1e-12)
    np.testing.assert_allclose(squares, (X**2).sum(axis=1), rtol=1e-13)
    assert len(taken) == 1
    for other in (X[:7], X + (rng.random(X.shape) < 0.2)):
        np.testing.assert_allclose(_products.product(other, V), other @ V.T, atol=1e-11)
    assert len(taken) == 1


class TestRounds:
    """A row that the compiled solver does not finish is finished by the portable one, or said."""

    def test_limit_of_the_caller(self, signal):
        X, V = signal
        found = gpudict.encode(X, V, alpha=0.05, max_iter=1)
        assert not found.converged.all()
        judged = oracles.lasso_gap(X, V, found.Z, 0.05)
        np.testing.assert_allclose(found.gap, judged, rtol=1e-6, atol=1e-12)
        (check,) = found.history
        assert check.unfinished == (~found.converged).sum()
        np.testing.assert_allclose(check.gap, (found.gap / (0.5 * (X**2).sum(axis=1))).max())

    @pytest.mark.parametrize("positive", [False, True])
    def test_small_alphas(self, positive):
        """Where d atoms are needed, and more rounds than a row has, the path goes on."""
        rng = np.random.default_rng(0)
        V, X = (problems.unit(rng.standard_normal((n, 64))) for n in (256, 20))
        found = gpudict.encode(X, V, alpha=1e-6, positive=positive)
        assert found.converged.all()
        judged = oracles.lasso_gap(X, V, found.Z, 1e-6, positive)
        assert (judged <= 0.5e-8 + 1e-12).all()

    def test_second_chance(self, signal, monkeypatch: pytest.MonkeyPatch):
        X, V = signal
        monkeypatch.setattr(type(all_solvers()["active_set"]), "rounds", 1)
        assert gpudict.encode(X, V, alpha=0.05).converged.all()

    def test_a_solution_is_where_it_starts(self, signal):
        X, V = signal
        cold = gpudict.encode(X, V, alpha=0.05)
        warm = gpudict.encode(X, V, alpha=0.05, init=cold.Z)
        assert warm.n_iter < cold.n_iter
        np.testing.assert_allclose(warm.Z, cold.Z, atol=1e-12)

    @pytest.mark.parametrize("solver", ["cd", "working_set", "fista"])
    def test_a_start_that_is_not_feasible(self, signal, solver):
        X, V = (a[:20] for a in signal)
        init = -np.ones((20, len(V)))
        found = gpudict.encode(X, V, alpha=0.05, positive=True, init=init, solver=solver)
        assert found.converged.all()
        assert found.Z.min() == 0
