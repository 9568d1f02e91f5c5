"""Arrays on the host: threads, sparse codes, an alpha a row, and what runs where Numba does not."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import numpy as np
import oracles
import problems
import pytest
import scipy.sparse
from conftest import BackendCase, host

import gpudict
from gpudict.coding import on_host
from gpudict.coding.plan import Plan
from gpudict.learning import codes
from gpudict.learning.samples import Samples
from gpudict.objective import quadratic
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.host.kernels import compiling
from gpudict.solvers.loop import run
from gpudict.solvers.places import numba_works
from gpudict.solvers.registry import all_solvers, find

PURSUIT = {"n_nonzero_coefs": 4}


@pytest.fixture(scope="module")
def signal():
    """1,500 rows over 128 atoms: enough for chunks, threads, and several rounds a row."""
    return problems.signal(n=1500, d=24, k=128, seed=3)


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

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    def test_a_child_has_threads_of_its_own(self):
        """A process that is forked once the pool runs starts a new one, and does not wait."""
        script = (
            "import multiprocessing, numpy as np, gpudict\n"
            "X, V = np.random.default_rng(0).standard_normal((9000, 9)), np.eye(9)\n"
            "work = lambda _: gpudict.encode(X, V, alpha=0.5, n_jobs=2).Z\n"
            "Z = work(0)\n"
            "def child(queue): queue.put(bool((work(0) == Z).all()))\n"
            "context = multiprocessing.get_context('fork')\n"
            "queue = context.Queue()\n"
            "process = context.Process(target=child, args=(queue,))\n"
            "process.start()\n"
            "assert queue.get(timeout=60)\n"
            "process.join()\n"
        )
        subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=120)


class TestSparse:
    """The sparse codes are the dense ones, in the matrix of the library."""

    @pytest.mark.parametrize("options", [{"alpha": 0.1}, PURSUIT], ids=["lasso", "omp"])
    @pytest.mark.parametrize("solver", ["cd", "lars"])
    def test_numpy(self, signal, dtype, options, solver):
        X, V = (a[:300].astype(dtype) for a in signal)
        options = {**options, "solver": solver, "batch_size": 70}
        dense = gpudict.encode(X, V, **options)
        sparse = gpudict.encode(X, V, **options, sparse_output=True)
        assert isinstance(sparse.Z, scipy.sparse.csr_array)
        assert sparse.Z.dtype == dtype
        assert sparse.Z.has_sorted_indices
        np.testing.assert_allclose(sparse.Z.toarray(), dense.Z, atol=1e-6)
        np.testing.assert_array_equal(sparse.Z.toarray() != 0, dense.Z != 0)
        np.testing.assert_array_equal(sparse.converged, dense.converged)

    def test_torch(self, signal):
        torch = pytest.importorskip("torch")
        X, V = (torch.asarray(a[:300]) for a in signal)
        for solver in ("cd", "lars"):
            sparse = gpudict.encode(X, V, alpha=0.1, solver=solver, sparse_output=True)
            assert sparse.Z.layout == torch.sparse_csr
            dense = gpudict.encode(X, V, alpha=0.1, solver=solver)
            torch.testing.assert_close(sparse.Z.to_dense(), dense.Z)

    def test_no_sparse_matrices(self):
        jnp = pytest.importorskip("jax.numpy")
        with pytest.raises(TypeError, match=r"sparse_output=True came.*jax.*PyTorch and CuPy"):
            gpudict.encode(jnp.ones((2, 2)), jnp.eye(2), alpha=0.1, sparse_output=True)

    def test_no_row_and_no_code(self):
        """A row without a code is an empty row of the matrix."""
        sparse = gpudict.encode(np.eye(3), np.eye(3), alpha=[2, 0.5, 2], sparse_output=True)
        assert sparse.Z.nnz == 1
        assert sparse.Z.indptr.tolist() == [0, 0, 1, 1]


class TestAlphas:
    """An alpha for each row is the loop over rows with each its own."""

    @pytest.mark.parametrize("solver", ["cd", "working_set", "lars"])
    def test_loop_over_rows(self, backend: BackendCase, dtype: str, solver: str):
        X, V = (a.astype(dtype) for a in problems.signal(n=12, d=8, k=16, seed=5))
        alphas = np.geomspace(0.01, 1, 12).astype(dtype)
        dX, dV = backend.asarray(X), backend.asarray(V)
        init = backend.asarray(np.ones((12, 16), dtype))
        found = gpudict.encode(dX, dV, alpha=backend.asarray(alphas), solver=solver, init=init)
        assert host(found.converged).all()
        half = 0.5 * (X.astype(float) ** 2).sum(axis=1)
        for i, alpha in enumerate(alphas):
            judged = oracles.lasso_gap(X[i : i + 1], V, host(found.Z)[i : i + 1], float(alpha))
            assert judged <= (1e-8 if dtype == "float64" else 2e-5) * half[i] + 1e-15
            assert host(found.gap)[i] <= (1e-8 if dtype == "float64" else 1e-5) * half[i]

    def test_one_of_a_graph(self):
        torch = pytest.importorskip("torch")
        X, alpha = torch.eye(3), torch.full((3,), 0.5, requires_grad=True)
        torch.testing.assert_close(gpudict.encode(X, X, alpha=alpha).Z, 0.5 * X)

    @pytest.mark.parametrize("scale", [1e-24, 1.0, 1e18])
    def test_float32_at_any_scale(self, scale: float):
        """The gap is a bound on the codes as they come out, rounded."""
        X, V = (a.astype("float32") for a in problems.signal(n=40, d=3, k=8, seed=5))
        X, alphas = (X * scale).astype("float32"), np.geomspace(0.01, 0.4, 40) * scale
        found = gpudict.encode(X, V, alpha=alphas)
        assert found.converged.all()
        for i, alpha in enumerate(alphas):
            x, u = X[i : i + 1].astype(float), found.Z[i : i + 1].astype(float)
            best = gpudict.encode(x, V.astype(float), alpha=alpha).Z
            value, least = (
                oracles.lasso_objective(x, V.astype(float), z, alpha)[0] for z in (u, best)
            )
            assert value - least <= found.gap[i] + 1e-15 * least
            assert found.gap[i] <= 1e-5 * 0.5 * (x**2).sum()

    @pytest.mark.parametrize(
        ("alpha", "sentence"),
        [
            ([1.0, 2.0], r"alpha has.*\(2,\)"),
            ([1.0, -1.0, 1.0], "alpha"),
            ([1.0, 0.0, 1.0], "alpha"),
        ],
    )
    def test_bad_ones(self, alpha, sentence):
        with pytest.raises(ValueError, match=sentence):
            gpudict.encode(np.eye(3), np.eye(3), alpha=np.array(alpha))


class TestRounds:
    """A row that the compiled solver does not finish is finished by the portable one, or said."""

    def test_limit_of_the_caller(self, signal):
        X, V = signal
        found = gpudict.encode(X, V, alpha=0.05, max_iter=1)
        assert not found.converged.all()
        judged = oracles.lasso_gap(X, V, found.Z, 0.05)
        np.testing.assert_allclose(found.gap, judged, rtol=1e-6, atol=1e-12)

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


class TestCodes:
    """What learning does with compressed rows is what it does with the dense array."""

    @pytest.fixture(params=["numpy", "torch"])
    def asarray(self, request):
        return pytest.importorskip(request.param).asarray

    @pytest.mark.parametrize("weighted", [False, True])
    def test_both_kinds(self, signal, dtype, asarray, weighted, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(codes, "GROUP", 1)
        monkeypatch.setattr(codes, "ALONE", 0)
        X, V = (asarray(a[:300].astype(dtype)) for a in signal)
        weight = np.linspace(0, 2, 300) if weighted else None
        samples, penalty = Samples.of(X, weight), L1(0.1)
        plan = Plan.of(X, len(V), penalty, solver="cd", tol=None, max_iter=None)
        compressed, found = codes.coded(X, V, plan, n_jobs=3)
        assert isinstance(compressed, codes.Compressed)
        dense = codes.Dense(compressed.array())
        expected = gpudict.encode(X, V, alpha=0.1)
        np.testing.assert_array_equal(host(dense.start), host(expected.Z))
        np.testing.assert_array_equal(host(found.gap), host(expected.gap))
        dead = np.arange(len(V)) % 3 == 0
        close = {"rtol": 1e-4, "atol": 1e-3} if dtype == "float32" else {"atol": 1e-11}
        for one, two in ((compressed, dense), (compressed.without(dead), dense.without(dead))):
            for a, b in zip(one.statistics(samples)[:3], two.statistics(samples)[:3], strict=True):
                assert a.dtype == X.dtype
                np.testing.assert_allclose(host(a), host(b), **close)
            costs = (c.costs(X, 0.9 * V, penalty) for c in (one, two))
            np.testing.assert_allclose(*map(host, costs), **close)
            np.testing.assert_array_equal(host(one.array()), host(two.array()))
        assert not host(compressed.without(dead).array())[:, dead].any()
        again, _ = codes.coded(X, V, plan, compressed)
        np.testing.assert_allclose(host(again.array()), host(dense.start), atol=1e-6)

    @pytest.mark.parametrize("options", [{"alpha": 0.1}, PURSUIT], ids=["lasso", "omp"])
    def test_any_threads_learn_the_same(self, signal, options, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(codes, "ALONE", 0)
        X, _ = signal
        one, two = (
            gpudict.learn(X, 20, **options, max_iter=3, random_state=0, n_jobs=n) for n in (1, 3)
        )
        np.testing.assert_array_equal(two.dictionary, one.dictionary)
        np.testing.assert_array_equal(two.objective, one.objective)
        np.testing.assert_array_equal(two.code, one.code)


class TestSweep:
    """In blocks of atoms it is the sweep, atom after atom."""

    @pytest.mark.parametrize("penalty", [UnitSphere(), UnitSphere(True)])
    @pytest.mark.parametrize("k", [1, 32, 33, 75])
    def test_blocks(self, k, penalty, dtype):
        rng = np.random.default_rng(k)
        X, V = (a.astype(dtype) for a in problems.signal(n=90, d=12, k=k))
        U = (rng.standard_normal((90, k)) * (rng.random((90, k)) < 0.3)).astype(dtype)
        U[:, k // 2] = 0
        q, Z = quadratic.statistics(X, U), penalty.prox(np.ascontiguousarray(V.T), 0.0)
        ways = [find("sphere_sweep", penalty, like) for like in (None, X)]
        one, two = (run(way, q, penalty, Z, stop=None, max_iter=2).Z for way in ways)
        assert ways[0] is not ways[1]
        np.testing.assert_allclose(two, one, atol=1e-12 if dtype == "float64" else 1e-4)


class TestPursuit:
    """The compiled pursuit is the portable one, near the edge too."""

    @pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-4, 1e-5])
    def test_near_copies(self, distance):
        """Each of five atoms has one: what remains is the least squares of all ten."""
        rng = np.random.default_rng(0)
        V = rng.standard_normal((10, 12))
        V[5:] = V[:5] + distance * rng.standard_normal((5, 12))
        X, V = problems.unit(rng.standard_normal((60, 12))), problems.unit(V)
        found = gpudict.encode(X, V, n_nonzero_coefs=10)
        error = ((X - found.Z @ V) ** 2).sum(axis=1)
        best = ((X - X @ np.linalg.pinv(V) @ V) ** 2).sum(axis=1)
        np.testing.assert_allclose(error, best, atol=1e-6)
        half = gpudict.encode(X, V, target_error=0.3)
        error = ((X - half.Z @ V) ** 2).sum(axis=1)
        np.testing.assert_array_equal(half.converged, error <= 0.3)

    def test_of_equal_atoms_the_first_is_taken(self):
        Z = gpudict.encode(np.ones((1, 40)), np.eye(40), n_nonzero_coefs=3).Z
        assert np.flatnonzero(Z).tolist() == [0, 1, 2]

    @pytest.mark.parametrize("solver", ["batch_omp", "omp"])
    def test_steps_and_small_rest(self, solver):
        X, V = np.array([[1, 1e-9, 0, 0]]), np.eye(4)
        for options in ({"n_nonzero_coefs": 2}, {"target_error": 1e-19}):
            found = gpudict.encode(X, V, solver=solver, **options)
            np.testing.assert_array_equal(found.Z, X)
            assert found.converged
        for max_iter in (0, 1):
            found = gpudict.encode(X, V, n_nonzero_coefs=2, solver=solver, max_iter=max_iter)
            assert np.count_nonzero(found.Z) == max_iter
            assert not found.converged


class TestFallback:
    """Without Numba, or told so, the portable solvers run and give the same codes."""

    def test_no_folder_for_a_cache(self, monkeypatch: pytest.MonkeyPatch):
        def nowhere(function):
            raise RuntimeError("cannot cache function: no locator available")

        monkeypatch.setattr(compiling, "_Cache", nowhere)
        assert compiling.compiled(lambda x: x + 1)(1) == 2

    def test_environment(self, signal, tmp_path):
        X, V = (a[:50] for a in signal)
        np.savez(tmp_path / "data.npz", X=X, V=V)
        script = (
            "import sys, numpy as np, gpudict\n"
            f"data = np.load({str(tmp_path / 'data.npz')!r})\n"
            "Z = gpudict.encode(data['X'], data['V'], alpha=0.1).Z\n"
            "assert 'numba' not in sys.modules\n"
            f"np.save({str(tmp_path / 'Z.npy')!r}, Z)\n"
        )
        told = {**os.environ, "GPUDICT_KERNELS": "portable"}
        subprocess.run([sys.executable, "-c", script], check=True, env=told)
        Z = gpudict.encode(X, V, alpha=0.1).Z
        np.testing.assert_allclose(np.load(tmp_path / "Z.npy"), Z, atol=1e-6)

    def test_no_numba(self, signal, monkeypatch: pytest.MonkeyPatch, caplog):
        X, V = (a[:50] for a in signal)
        expected = gpudict.encode(X, V, alpha=0.1).Z
        monkeypatch.setitem(sys.modules, "numba", None)  # then an import of it fails
        numba_works.cache_clear()
        try:
            with caplog.at_level(logging.WARNING):
                Z = [gpudict.encode(X, V, alpha=0.1).Z for _ in range(2)]
        finally:
            numba_works.cache_clear()
        assert [r.name for r in caplog.records] == ["gpudict.solvers.places"]
        assert "numba can't be imported" in caplog.text
        np.testing.assert_allclose(Z, [expected] * 2, atol=1e-6)
