"""Learning: against scikit-learn from one start, against the laws, on every backend."""

from __future__ import annotations

import warnings

import numpy as np
import oracles
import problems
import pytest
from conftest import BackendCase, counted_waits, host

import gpudict
from gpudict.learning import atoms, online
from gpudict.learning.samples import Samples
from gpudict.learning.updates import DictionaryStep
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.quadratic import statistics
from gpudict.solvers.loop import run
from gpudict.solvers.registry import portable_solver

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


@pytest.mark.parametrize("update", ["sweep", "mm"])
@pytest.mark.parametrize(("positive_code", "positive_dict"), [(False, False), (True, True)])
def test_the_objective_never_rises(update, positive_code, positive_dict):
    X, V0 = problems.signal(n=60, d=10, k=8)
    signs = {"positive_code": positive_code, "positive_dict": positive_dict}
    learned = gpudict.learn(
        X, 8, alpha=0.05, dict_init=np.abs(V0) if positive_dict else V0, max_iter=30, tol=0,
        dictionary_update=update, random_state=0, code_tol=1e-12, **signs,
    )  # fmt: skip
    falls = learned.objective[1:] <= learned.objective[:-1] * (1 + 1e-11)
    revived = np.array([h.unused > 0 for h in learned.history])
    assert (falls | revived[:-1]).all()
    assert not positive_code or (learned.code >= 0).all()
    assert not positive_dict or (learned.dictionary >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(learned.dictionary, axis=1), 1, atol=1e-12)
    assert (learned.gap <= 1e-12 * 0.5 * (X**2).sum(axis=1) + 1e-300).all()
    assert learned.converged


@pytest.mark.parametrize("positive", [False, True])
def test_a_sweep_is_the_oracle(positive):
    rng = np.random.default_rng(3)
    X, U, V = (
        rng.standard_normal((20, 6)),
        rng.standard_normal((20, 5)),
        rng.standard_normal((5, 6)),
    )
    V = problems.unit(np.abs(V) if positive else V)
    A, B = U.T @ U, U.T @ X
    found = DictionaryStep(
        portable_solver("sphere_sweep"), UnitSphere(positive), 1
    )(statistics(X, U), V)  # fmt: skip
    np.testing.assert_allclose(found, oracles.sphere_sweep(A, B, V, positive), atol=1e-12)


def test_mm_reaches_beyond_three_sweeps():
    """20 majorise-minimise steps leave less than three exact sweeps do (the design's choice)."""
    X, V = problems.signal(n=400, d=16, k=24)
    U = gpudict.encode(X, V, alpha=0.1).Z
    q, A, B = statistics(X, U), U.T @ U, U.T @ X

    def value(name, steps):
        Z = run(portable_solver(name), q, UnitSphere(), V.T, stop=None, max_iter=steps).Z
        return oracles.dictionary_objective(A, B, Z.T)

    best = value("sphere_sweep", 300)
    assert value("sphere_mm", 20) - best <= value("sphere_sweep", 3) - best


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


class TestWeights:
    """A weight is a number of times that a sample is there."""

    @pytest.mark.parametrize("online", [False, True])
    def test_repetition(self, online):
        X, _ = problems.signal(n=40, d=8, k=5)
        weight = np.random.default_rng(0).integers(0, 4, size=40)
        options = {"alpha": 0.1, "max_iter": 8, "tol": 0, "random_state": 0}
        learn = gpudict.learn
        if online:  # in one batch, whose order does not matter
            learn, options = gpudict.learn_online, options | {"max_no_improvement": None}
        weighted = learn(X, 5, sample_weight=weight, **options)
        repeated = learn(np.repeat(X, weight, axis=0), 5, **options)
        assert not any(h.unused for h in weighted.history)
        np.testing.assert_allclose(weighted.dictionary, repeated.dictionary, atol=1e-8)
        np.testing.assert_allclose(weighted.objective, repeated.objective, rtol=1e-10)

    def test_absent_samples_are_never_drawn(self):
        X, _ = problems.signal(n=30, d=6, k=5)
        weight = np.where(np.arange(30) < 4, 0.5, 0)
        options = {"alpha": 0.1, "sample_weight": weight, "dict_init": "data", "random_state": 0}
        V = gpudict.learn(X, 4, max_iter=0, **options).dictionary
        assert set(np.abs(V @ problems.unit(X).T).argmax(axis=1)) == {0, 1, 2, 3}
        again = gpudict.learn_online(X, 9, batch_size=3, max_iter=3, **options)
        assert len(again.history) % 3 == 0  # batches without a weight are left out
        assert np.isfinite(again.objective).all()

    def test_they_follow_the_data(self, backend: BackendCase):
        X, V0 = problems.signal(n=12, d=4, k=3)
        weight = np.linspace(0.5, 2, 12)
        options = {"alpha": 0.1, "max_iter": 2, "tol": 0, "random_state": 0}
        want = gpudict.learn(X, 3, sample_weight=weight.tolist(), dict_init=V0, **options)
        dX, dV0 = backend.asarray(X), backend.asarray(V0)
        found = gpudict.learn(dX, 3, sample_weight=weight, dict_init=dV0, **options)
        np.testing.assert_allclose(host(found.objective), want.objective, rtol=1e-8)
        U, V = want.code, want.dictionary
        rows = oracles.lasso_objective(X, V, U, 0.1)
        np.testing.assert_allclose(want.objective[-1], weight @ rows)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
@pytest.mark.parametrize("learn", [gpudict.learn, gpudict.learn_online])
def test_squares_must_fit(learn, scale: float):
    X, _ = problems.signal()
    with pytest.raises(ValueError, match=r"squares do not fit float32.*pass float64"):
        learn((X * scale).astype("float32"), 5, alpha=0.1 * scale)
    assert np.isfinite(learn(X * scale, 5, alpha=0.1 * scale, max_iter=2).objective).all()


class TestStart:
    """The SVD start, starts that are given, and what is done with atoms that are missing."""

    def test_svd_is_scikit_learns(self):
        from sklearn.utils.extmath import svd_flip

        X, _ = problems.signal(n=20, d=7)
        V, U = atoms.svd_start(Samples.of(X), 5)
        u, s, v = np.linalg.svd(X, full_matrices=False)
        u, v = svd_flip(u, v)
        np.testing.assert_allclose(V, v[:5], atol=1e-10)
        np.testing.assert_allclose(U, (u * s)[:, :5], atol=1e-10)

    def test_svd_is_padded_past_the_rank(self):
        X = np.outer(np.arange(1.0, 7), np.ones(4))
        V, U = atoms.svd_start(Samples.of(X), 6)
        assert (np.abs(V).sum(axis=1) > 0).tolist() == [True] + 5 * [False]
        assert not U[:, 1:].any()

    def test_norms_move_into_the_codes(self):
        X, V0 = problems.signal(n=20, d=6, k=4)
        U0, size = X @ V0.T, np.array([[1e-30], [2.0], [1e20], [0.5]])
        learned = gpudict.learn(
            X, 4, alpha=0.1, dict_init=V0 * size, code_init=U0 / size.T, max_iter=0
        )
        np.testing.assert_allclose(learned.dictionary, V0, atol=1e-12)
        np.testing.assert_allclose(learned.code, U0, atol=1e-12)
        assert learned.n_iter == 0
        assert np.isinf(learned.gap).all()

    def test_dict_init_alone_is_honoured_and_a_restart_goes_on(self):
        X, V0 = problems.signal()
        ten = gpudict.learn(X, 10, alpha=0.1, dict_init=V0, max_iter=10, tol=0)
        five = gpudict.learn(X, 10, alpha=0.1, dict_init=V0, max_iter=5, tol=0)
        rest = gpudict.learn(
            X, 10, alpha=0.1, dict_init=five.dictionary, code_init=five.code, max_iter=5, tol=0
        )
        np.testing.assert_allclose(rest.objective, ten.objective[5:], rtol=1e-7)

    def test_too_few_atoms_are_completed_and_too_many_cut(self):
        X, V0 = problems.signal(k=10)
        few = gpudict.learn(X, 10, alpha=0.1, dict_init=V0[:3], max_iter=0, random_state=0)
        np.testing.assert_allclose(few.dictionary[:3], V0[:3])
        np.testing.assert_allclose(np.linalg.norm(few.dictionary, axis=1), 1)
        assert len(np.unique(few.dictionary[3:], axis=0)) == 7
        many = gpudict.learn(X, 4, alpha=0.1, dict_init=V0, max_iter=0)
        np.testing.assert_allclose(many.dictionary, V0[:4])

    def test_data_start_takes_samples(self):
        X, _ = problems.signal(n=30, d=8)
        V = gpudict.learn(X, 5, alpha=0.1, dict_init="data", max_iter=0, random_state=1).dictionary
        assert (np.abs(V @ problems.unit(X).T).max(axis=1) > 0.999).all()


class TestRevival:
    """Unused atoms come back from the data, and are reported."""

    def test_reported_and_replaced(self, caplog):
        X, V0 = problems.signal(n=50, d=8, k=6)
        V0[2] = problems.unit(np.linalg.svd(X)[2][-1:])[0]  # where the data hardly goes
        learned = gpudict.learn(X, 6, alpha=2.0, dict_init=V0, max_iter=3, tol=0, random_state=0)
        assert learned.history[0].unused >= 1
        assert np.abs(learned.dictionary[2] @ V0[2]) < 0.99

    @pytest.mark.parametrize("positive", [False, True])
    def test_data_of_zeros(self, positive):
        learned = gpudict.learn(
            np.zeros((6, 4)), 3, alpha=0.1, random_state=0, positive_dict=positive
        )
        np.testing.assert_allclose(np.linalg.norm(learned.dictionary, axis=1), 1)
        assert not learned.code.any()
        assert not positive or (learned.dictionary >= 0).all()
        assert learned.objective[-1] == 0

    @pytest.mark.parametrize("scale", [1e-20, 1e20])
    def test_scale_does_not_matter(self, scale):
        X, _ = problems.signal(n=30, d=8, k=6)
        one = gpudict.learn(X, 6, alpha=0.1, max_iter=5, random_state=0)
        far = gpudict.learn(X * scale, 6, alpha=0.1 * scale, max_iter=5, random_state=0)
        np.testing.assert_allclose(far.dictionary, one.dictionary, atol=1e-6)

    @pytest.mark.parametrize("scale", [1e-12, 1e12])
    @pytest.mark.parametrize("update", ["sweep", "mm"])
    def test_scale_in_float32(self, scale, update):
        X = problems.signal(n=30, d=8, k=6)[0].astype("float32")
        options = {"max_iter": 5, "random_state": 0, "dictionary_update": update}
        one = gpudict.learn(X, 6, alpha=0.1, **options)
        scaled = (X * scale).astype("float32")
        far = gpudict.learn(scaled, 6, alpha=0.1 * scale, **options)
        np.testing.assert_allclose(far.dictionary, one.dictionary, atol=2e-2)

    @pytest.mark.parametrize(("n", "d", "k"), [(1, 5, 3), (3, 5, 9), (4, 1, 2)])
    def test_odd_shapes(self, n, d, k):
        X = np.random.default_rng(0).standard_normal((n, d))
        for x in (X, np.ones((n, d))):
            for learner in (gpudict.learn, gpudict.learn_online):
                V = learner(x, k, alpha=0.1, random_state=0, max_iter=3).dictionary
                np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1)


class TestOnline:
    """Mini-batches: scikit-learn's costs, streams, stopping."""

    def test_costs_follow_scikit_learn(self, monkeypatch: pytest.MonkeyPatch):
        """From the same start, on the sphere, by the same shuffle, if we forgot as it does."""
        monkeypatch.setattr(online, "forget", oracles.scikit_learns_forgetting(20))
        from sklearn.decomposition import MiniBatchDictionaryLearning

        X, V0 = problems.on_the_sphere(1)
        theirs, norms = [], []

        def see(env):
            theirs.append(env["batch_cost"])
            norms.append(np.linalg.norm(env["dictionary"], axis=1).min())

        MiniBatchDictionaryLearning(
            8, alpha=0.15, fit_algorithm="cd", dict_init=V0.copy(), batch_size=20, max_iter=3,
            tol=0, max_no_improvement=None, callback=see, random_state=5, transform_max_iter=20_000,
        ).fit(X)  # fmt: skip
        ours = gpudict.learn_online(
            X, 8, alpha=0.15, dict_init=V0, batch_size=20, max_iter=3, tol=0, random_state=5,
            max_no_improvement=None, dictionary_update="sweep",
        )  # fmt: skip
        assert min(norms) > 1 - 1e-12
        np.testing.assert_allclose(ours.objective, theirs, rtol=1e-6)

    def test_a_batch_counts_as_the_fourth_power_of_its_number(self):
        past = [online.forget(step) for step in range(10)]
        weight = [np.prod(past[t:]) for t in range(1, 11)]
        np.testing.assert_allclose(weight, (np.arange(1, 11) / 10) ** 4)
        assert past[0] == 0

    def test_a_stream_is_the_array_cut(self):
        X, _ = problems.signal(n=60, d=8, k=6)
        options = {"alpha": 0.1, "dict_init": problems.signal(n=60, d=8, k=6)[1], "tol": 0}
        options |= {"max_no_improvement": None, "random_state": 0}
        whole = gpudict.learn_online(X, 6, batch_size=20, shuffle=False, max_iter=2, **options)
        parts = [X[:20], X[20:40], X[40:]]
        listed = gpudict.learn_online(parts, 6, max_iter=2, **options)
        np.testing.assert_allclose(listed.dictionary, whole.dictionary, atol=1e-10)
        once = gpudict.learn_online(iter(parts), 6, max_iter=2, **options)
        assert len(once.history) == 3
        np.testing.assert_allclose(once.objective, whole.objective[:3], rtol=1e-10)

    def test_a_callback_stops_it(self):
        """At the first True; and what comes last is known as the last."""
        X, _ = problems.signal(n=40)
        last = []
        gpudict.learn(X, 5, alpha=0.1, max_iter=4, tol=0, callback=lambda it: last.append(it.last))
        assert last == [False, False, False, True]
        gpudict.learn(X, 5, alpha=0.1, tol=0.1, callback=lambda it: last.append(it.last))
        assert last[4:] == [False] * (len(last) - 5) + [True]
        assert gpudict.learn(X, 5, alpha=0.1, tol=0, callback=lambda it: True).n_iter == 1
        options = {"alpha": 0.1, "batch_size": 10, "tol": 0}
        online = gpudict.learn_online(X, 5, **options, callback=lambda b, *_: b.state.step == 2)
        assert len(online.history) == 2
        seen = []
        gpudict.learn_online(
            X, 5, max_iter=1, **options, callback=lambda b, *_: seen.append(b.last)
        )
        assert seen == [False, False, False, True]

    def test_reasons_to_stop(self):
        X, _ = problems.signal(n=200)
        reasons = []
        see = lambda batch, patience, reason: reasons.append(reason)  # noqa: E731
        options = {"alpha": 0.1, "batch_size": 10, "random_state": 0, "callback": see}
        gpudict.learn_online(X, 5, tol=0.1, **options)
        assert reasons[-1] == "small dictionary change"
        gpudict.learn_online(X, 5, tol=0, max_no_improvement=2, **options)
        assert reasons[-1] == "lack of improvement in objective function"
        before = len(reasons)
        gpudict.learn_online(X, 5, tol=0, max_no_improvement=None, max_iter=3, **options)
        assert reasons[before:] == 60 * [None]

    def test_it_learns_as_well_as_scikit_learn(self):
        from sklearn.decomposition import MiniBatchDictionaryLearning

        options = {"batch_size": 50, "max_iter": 10, "tol": 0, "max_no_improvement": None}
        ratios = []
        for seed in range(5):  # each ends in a local minimum of its own
            X, _ = problems.signal(n=300, d=12, k=10, seed=seed)
            theirs = MiniBatchDictionaryLearning(
                10, alpha=0.05, fit_algorithm="cd", random_state=0, **options
            ).fit(X)
            ours = gpudict.learn_online(X, 10, alpha=0.05, random_state=0, **options)
            cost = [
                objective(X, gpudict.encode(X, V, alpha=0.05).Z, V, 0.05)
                for V in (ours.dictionary, problems.unit(theirs.components_))
            ]
            ratios.append(cost[0] / cost[1])
        assert np.median(ratios) <= 1.01, ratios
