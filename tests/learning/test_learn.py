"""Learning: against scikit-learn from one start, and the same on every backend."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import gpudict
from gpudict.learning import blocks
from gpudict.learning.updates import DictionaryStep
from gpudict.objective.penalties.columns import UnitBall
from gpudict.solvers.registry import portable_solver
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host
from tests.support.counting import counted_waits

SIGNAL = {"n_samples": 30, "n_components": 15, "n_features": 20, "n_nonzero_coefs": 10}


def objective(X, U, V, alpha):
    return oracles.lasso_objective(X, V, U, alpha).sum()


def sklearn_errors(X, k, V0, alpha, seen):
    from sklearn.decomposition import dict_learning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its inner limit of iterations
        return dict_learning(
            X, k, alpha=alpha, dict_init=V0.copy(), code_init=np.zeros((len(X), k)), method="cd",
            max_iter=20, tol=0, method_max_iter=20_000, random_state=0,
            callback=lambda env: seen.append(np.linalg.norm(env["dictionary"], axis=1).min()),
        )[2]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_errors_follow_scikit_learn(seed):
    """20 iterations, to 1e-6, from a unit-norm start, as long as its atoms stay on the sphere."""
    X, V0 = problems.on_the_sphere(seed)
    norms: list[float] = []
    theirs = np.array(sklearn_errors(X, len(V0), V0, 0.15, norms))
    ours = gpudict.learn(
        X, len(V0), alpha=0.15, dict_init=V0, max_iter=20, tol=0, dictionary_update="sweep"
    )
    assert min(norms) > 1 - 1e-12, "pick a problem whose atoms reach norm 1 with scikit-learn"
    assert not any(h.unused for h in ours.history)
    np.testing.assert_allclose(ours.objective, theirs, rtol=1e-6)


def test_on_the_ball_errors_follow_scikit_learn_everywhere(monkeypatch):
    """The documented example leaves the sphere at first; with the ball the errors are the same."""
    X, _, _ = gpudict.datasets.make_sparse_coded_signal(**SIGNAL, random_state=42)
    V0 = problems.unit(np.random.default_rng(0).standard_normal((15, 20)))
    norms: list[float] = []
    theirs = np.array(sklearn_errors(X, 15, V0, 0.1, norms))
    assert min(norms) < 0.999

    step = DictionaryStep(portable_solver("sphere_sweep"), UnitBall(), 1)
    monkeypatch.setattr("gpudict.learning.updates.dictionary_step", lambda *a, **k: step)
    ours = gpudict.learn(X, 15, alpha=0.1, dict_init=V0, max_iter=20, tol=0)
    np.testing.assert_allclose(ours.objective, theirs, rtol=1e-6)


def test_the_documented_example():
    """55–70 % zeros, 2 % error, unit norms, and no worse an objective than scikit-learn's."""
    from sklearn.decomposition import dict_learning

    X, _, _ = gpudict.datasets.make_sparse_coded_signal(**SIGNAL, random_state=42)
    U, V, errors = gpudict.dict_learning(X, 15, alpha=0.1, random_state=42)
    assert 0.55 <= np.mean(U == 0) <= 0.70
    error = np.sum((X - U @ V) ** 2, axis=1) / np.sum(X**2, axis=1)
    assert error.mean() <= 0.02
    np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(errors[-1], objective(X, U, V, 0.1), rtol=1e-12)
    for method in ("lars", "cd"):
        theirs = dict_learning(X, 15, alpha=0.1, random_state=42, method=method)[2]
        assert errors[-1] <= theirs[-1] * (1 + 1e-6)


def test_every_backend_learns_the_same(backend: BackendCase, dtype: str):
    """One seed, the same atoms; revivals included, for all draws are the host's."""
    X, _ = problems.signal(n=16, d=5, k=7, seed=4)
    options = {"alpha": 0.1, "max_iter": 2, "random_state": 3, "dictionary_update": "sweep"}
    options |= {"code_tol": 1e-12, "tol": 0} if dtype == "float64" else {"tol": 0}
    reference = gpudict.learn(X, 7, **options)
    learned = gpudict.learn(backend.asarray(X.astype(dtype)), 7, **options)
    close = {"float32": 2e-3, "float64": 1e-8}[dtype]
    for ours, theirs in zip(learned[:3], reference[:3], strict=True):
        assert str(ours.dtype).endswith(dtype)
        np.testing.assert_allclose(host(ours), theirs, atol=close)


def test_waits_of_an_iteration_are_few():
    """Beyond the solver's one a round: one for the summary. The rest stays on the device."""
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in problems.signal(n=20, d=6, k=5))

    def waits(n):
        with counted_waits() as seen:
            options = {"dict_init": V, "max_iter": n, "tol": 0, "dictionary_update": "mm"}
            gpudict.learn(X, 5, alpha=0.05, **options)
        return len(seen)

    assert waits(2) - waits(1) <= 1 + 1 + 3  # the summary, the warm start, at most three rounds


@pytest.mark.parametrize("scale", [1e-25, 1e25])
@pytest.mark.parametrize("learn", [gpudict.learn, gpudict.learn_online])
def test_squares_must_fit(learn, scale: float):
    X, _ = problems.signal()
    with pytest.raises(ValueError, match=r"squares do not fit float32.*pass float64"):
        learn((X * scale).astype("float32"), 5, alpha=0.1 * scale)
    assert np.isfinite(learn(X * scale, 5, alpha=0.1 * scale, max_iter=2).objective).all()


def test_a_rise_after_a_revival_is_no_end():
    X, V0 = problems.signal(n=60, d=8, k=6)
    V0[:3] = problems.unit(np.linalg.svd(X)[2][-1:])[0]  # where the data hardly goes
    learned = gpudict.learn(X, 6, alpha=1.0, dict_init=V0, random_state=0, tol=1e-6)
    first = next(i for i, h in enumerate(learned.history) if not h.unused)
    assert learned.n_iter > first + 3
    assert learned.objective[-1] < learned.objective[first]


RISING = np.array([(2, -2, -3), (-1, -1, 2), (0, -3, -1), (1, 2, 2), (3, -2, 3), (-3, 0, -2.0)])


@pytest.mark.parametrize("tol", [0, 1e-8])
@pytest.mark.parametrize("solver", ["cd", "omp", "lars"])
def test_a_pursuit_goes_on_and_the_best_is_returned(solver: str, tol: float):
    """Its choices raise the objective at times: 0.14 and then 0.89 with OMP, at the fourth."""
    learned = gpudict.learn(
        RISING, 4, n_nonzero_coefs=2, max_iter=30, tol=tol, solver=solver, random_state=0
    )
    assert (np.diff(learned.objective) > 0).any()
    assert learned.n_iter > 4
    found = objective(RISING, learned.code, learned.dictionary, 0)
    np.testing.assert_allclose(found, learned.objective.min(), rtol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_the_portable_objective_never_rises(seed: int):
    """However small alpha is, where codes that a round spoils would raise it."""
    X = np.random.default_rng(seed).standard_normal((33, 8))
    learned = gpudict.learn(
        X, 10, alpha=3e-9, positive_code=True, solver="working_set", max_iter=8, tol=0,
        random_state=seed,
    )  # fmt: skip
    unused = np.array([h.unused for h in learned.history[:-1]])
    rises = np.diff(learned.objective) > 1e-9 * learned.objective[:-1]
    assert not (rises & (unused == 0)).any(), learned.objective


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_callback_can_spoil_nothing(backend: str):
    asarray = pytest.importorskip("torch").asarray if backend == "torch" else np.asarray
    X = asarray(problems.signal()[0])

    def spoil(now, *_):
        for a in (now.dictionary, now.code, now.gap):
            a[...] = float("nan")
        if hasattr(now, "state"):
            for a in (now.state.atoms, now.state.recent.gram, now.state.long.cov):
                a[...] = float("nan")

    for learn in (gpudict.learn, gpudict.learn_online):
        one, two = (
            learn(X, 6, alpha=0.1, max_iter=3, random_state=0, callback=call)
            for call in (None, spoil)
        )
        np.testing.assert_array_equal(host(one.dictionary), host(two.dictionary))
        if one.code is not None:
            np.testing.assert_array_equal(host(one.code), host(two.code))


@pytest.mark.parametrize("solver", ["cd", "working_set"])
def test_the_history_is_what_happened(solver: str, monkeypatch: pytest.MonkeyPatch):
    """Its gap is the largest, relative, of the codes; and no code of a dead atom is of its heir."""
    X, V0 = problems.signal(n=60, d=8, k=6)
    X, V0[2], V0[:, 0] = X * np.linspace(0.1, 3, 60)[:, None], 0, 0
    V0[2, 0], X[:, 0], X[0, 0] = 1, 0, 0.1 + 1e-4  # which one code uses, and hardly
    seen, starts, half = [], [], 0.5 * (X**2).sum(axis=1)
    coded = blocks.coded
    monkeypatch.setattr(blocks, "coded", lambda *a: starts.append(a[3]) or coded(*a))
    gpudict.learn(
        X, 6, alpha=0.1, dict_init=V0, random_state=0, solver=solver, max_iter=5, tol=0,
        code_tol=1e-3, callback=lambda it: seen.append((it.progress, it.gap, it.code)),
    )  # fmt: skip
    assert seen[0][0].unused == 1
    assert seen[0][2][0, 2] > 0
    assert not starts[1].array()[:, 2].any()
    for number, (progress, gap, _) in enumerate(seen):
        assert progress.iteration == number
        np.testing.assert_allclose(progress.gap, (gap / half).max(), rtol=1e-12)
