"""`encode`: an alpha for each row, and batches and threads that change nothing."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.arrays.door import array_namespace
from gpudict.coding.plan import penalty_of
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.penalties.least_squares import LeastSquares
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host
from tests.support.shortage import PORTABLE


class TestLeadingDimensions:
    """An array (…, d) is its rows: what is of each row keeps their place."""

    def test_codes_are_where_their_rows_are(self, backend: BackendCase):
        X, V = problems.signal(n=12, d=8, k=16, seed=5)
        alphas, init = np.geomspace(0.1, 1, 12), np.ones((12, 16))
        given = (X.reshape(2, 3, 2, 8), V, alphas.reshape(2, 3, 2), init.reshape(2, 3, 2, 16))
        dX, dV, each, start = map(backend.asarray, given)
        rows = gpudict.encode(
            *map(backend.asarray, (X, V)), alpha=alphas, init=backend.asarray(init)
        )
        found = gpudict.encode(dX, dV, alpha=each, init=start)
        for folded, flat in zip(found[:3], rows[:3], strict=True):
            assert tuple(folded.shape) == (2, 3, 2, *flat.shape[1:])
            np.testing.assert_allclose(host(folded).reshape(flat.shape), host(flat), atol=1e-8)

    def test_what_has_no_rows_is_refused(self):
        X, V = np.ones((2, 3, 4)), np.eye(4)
        for options, sentence in (
            ({"alpha": np.ones(6)}, r"alpha has the shape \(6,\), and \(2, 3\)"),
            ({"alpha": 1, "init": np.ones((6, 4))}, r"init has the shape .*\(2, 3, k\)"),
            ({"alpha": 1, "entry_weight": np.ones((6, 4))}, r"entry_weight has.*\(2, 3, 4\)"),
            ({"alpha": 1, "sparse_output": True}, r"sparse_output=True came.*Pass rows"),
            ({"alpha": 1, "out": np.ones((6, 4))}, r"out came.*Pass rows"),
        ):
            with pytest.raises(ValueError, match=sentence):
                gpudict.encode(X, V, **options)


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
            ([[1.0], [1.0], [1.0]], r"alpha has.*\(3, 1\)"),
            ([1.0, -1.0, 1.0], r"alpha\[1\] is -1"),
            ([1.0, 1.0, 0.0], r"alpha\[2\] is 0"),
            ([1.0, np.nan, 1.0], r"alpha\[1\] is nan"),
            (["a", "b", "c"], "alpha has the dtype"),
        ],
    )
    def test_bad_ones(self, alpha, sentence):
        with pytest.raises((TypeError, ValueError), match=sentence):
            gpudict.encode(np.eye(3), np.eye(3), alpha=np.array(alpha))

    @pytest.mark.parametrize("alpha", [np.full(9, 0.1), np.full(5, 0.1), np.array([0.1])])
    def test_where_one_is_needed(self, alpha):
        """Only `encode` takes one for each row; what others get is refused, not read as one."""
        X, V = problems.small("float64")
        for call in (
            lambda: gpudict.learn(X, 3, alpha=alpha),
            lambda: gpudict.learn_online(X, 3, alpha=alpha),
            lambda: gpudict.dict_learning(X, 3, alpha=alpha),
            lambda: gpudict.dict_learning_online(X, 3, alpha=alpha),
            lambda: gpudict.sparse_encode(X, V, alpha=alpha),
            lambda: gpudict.DictionaryLearning(3, alpha=alpha).fit(X),
            lambda: gpudict.MiniBatchDictionaryLearning(3, alpha=alpha).partial_fit(X),
            lambda: gpudict.SparsePCA(3, alpha=alpha).fit(X),
            lambda: gpudict.SparseCoder(V, transform_alpha=alpha).fit_transform(X),
        ):
            with pytest.raises(TypeError, match="must be a real number, but a ndarray came"):
                call()

    @pytest.mark.parametrize("backend", PORTABLE, ids=lambda b: b.name)
    def test_one_in_an_array(self, backend: BackendCase):
        """A tenth of the largest correlation, say, as the library of X computes it."""
        X, V = (backend.asarray(a) for a in problems.small("float64"))
        xp = array_namespace(X)
        alpha = 0.1 * xp.max(xp.abs(X @ xp.matrix_transpose(V)))
        found, want = (gpudict.encode(X, V, alpha=a) for a in (alpha, float(alpha)))
        np.testing.assert_array_equal(host(found.Z), host(want.Z))


def test_what_is_asked_for_makes_the_problem():
    """An alpha the lasso, 0 least squares if codes may be negative, limits a pursuit."""
    shape = (6, 4)
    for given, kind in (
        ((0.5, None, 0.0, True), L1),
        ((0.0, None, 0.0, True), L1),
        ((0.0, None, 0.0, False), LeastSquares),
        ((None, 3, 0.0, False), Cardinality(3)),
        ((None, 9, 0.5, True), Cardinality(6, 0.5, True)),
        ((None, None, 0.5, False), Cardinality(4, 0.5)),
    ):
        penalty = penalty_of(shape, *given)
        assert penalty == kind if isinstance(kind, Cardinality) else type(penalty) is kind
        assert penalty.positive == given[-1]
    for given in ((None, None, 0.0, False), (0.5, 3, 0.0, False), (0.5, None, 0.5, False)):
        with pytest.raises(ValueError, match=r"so nothing makes|different problems"):
            penalty_of(shape, *given)


@pytest.mark.parametrize("limit", [{"n_nonzero_coefs": 2}, {"target_error": 1.0}])
def test_only_the_lasso_has_float32_whose_squares_are_none(limit):
    """Its codes are judged in float64; a pursuit's errors are not."""
    X = np.full((2, 3), 1e22, np.float32)
    found = gpudict.encode(X, np.eye(3), alpha=1e21)
    np.testing.assert_allclose(found.Z, 0.9 * X, rtol=1e-6)
    assert found.converged.all()
    for options in (limit, {"n_nonzero_coefs": 2, "target_error": 1.0}):
        with pytest.raises(ValueError, match="squares do not fit float32"):
            gpudict.encode(X, np.eye(3), **options)


def test_batches_and_threads_do_not_change_the_answer():
    big, atoms = problems.signal(n=200, d=12, k=10)
    whole = gpudict.encode(big, atoms, alpha=0.05)
    for options in ({"batch_size": 17}, {"batch_size": 64, "n_jobs": 3}, {"n_jobs": -1}):
        cut = gpudict.encode(big, atoms, alpha=0.05, **options)
        np.testing.assert_allclose(cut.Z, whole.Z, atol=1e-10)
        assert cut.converged.all()
        assert cut.history[0].unfinished >= whole.history[0].unfinished
    none = gpudict.encode(big, atoms, alpha=0.05, solver="fista", max_iter=0, batch_size=64)
    assert none.n_iter == 0
    assert none.history == []
