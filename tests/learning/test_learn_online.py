"""Learning from mini-batches: scikit-learn's costs, streams, stopping."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import gpudict
from gpudict.learning import forgetting, online
from tests.support import oracles, problems


class TestOnline:
    """Mini-batches: scikit-learn's costs, streams, stopping."""

    def test_costs_follow_scikit_learn(self, monkeypatch: pytest.MonkeyPatch):
        """From the same start, on the sphere, by the same shuffle, if we forgot as it does."""
        monkeypatch.setattr(online, "shares", oracles.scikit_learns_forgetting(20))
        monkeypatch.setattr(online, "anchor", lambda size: 0.0)
        monkeypatch.setattr(forgetting, "FRESH", 0.0)
        monkeypatch.setattr(forgetting, "SWEEPS", 1)
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

    def test_an_atom_is_held_until_a_code_uses_it(self):
        """Neither drawn anew, nor moved; but copies of few samples are not worth it."""
        X, V0 = problems.signal(n=60, d=8, k=6)
        V0[5] = np.linalg.svd(X)[2][-1]  # which no sample wants, at this alpha
        options = {"alpha": 0.9, "tol": 0, "max_iter": 1, "random_state": 0, "batch_size": 20}
        found = gpudict.learn_online(X, 6, dict_init=V0, **options)
        assert not any(h.unused for h in found.history)
        np.testing.assert_allclose(found.dictionary[5], V0[5], atol=1e-12)
        assert gpudict.learn_online([X[:4]], 6, **options | {"alpha": 3.0}).history[0].unused

    def test_it_needs_the_memory_of_a_batch(self):
        """Of many rows one is looked at once, and only what is drawn is copied."""
        X = np.random.default_rng(0).normal(size=(100_000, 16))
        options = {"alpha": 1.0, "batch_size": 100, "callback": lambda *_: True}
        gpudict.learn_online(X[:200], 8, **options)  # what is made once is there
        for start in ("svd", "data"):
            tracemalloc.start()
            gpudict.learn_online(X, 8, dict_init=start, **options)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 0.25 * X.nbytes, start  # the order alone is a sixteenth

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

    def test_more_dimensions_are_rows(self):
        """Of an array, of batches, of a stream of them: the first row of a batch comes first."""
        X, V = problems.signal(n=60, d=8, k=6)
        options = {"alpha": 0.1, "batch_size": 20, "max_iter": 2, "random_state": 0}
        want = gpudict.learn_online(X, 6, **options).dictionary
        found = gpudict.learn_online(X.reshape(3, 4, 5, 8), 6, **options).dictionary
        np.testing.assert_array_equal(found, want)
        parts = list(X.reshape(3, 4, 5, 8))
        want = gpudict.learn_online(list(X.reshape(3, 20, 8)), 6, **options).dictionary
        for given in (parts, gpudict.stream(parts)):
            found = gpudict.learn_online(given, 6, **options).dictionary
            np.testing.assert_array_equal(found, want)
        codes = gpudict.encode(gpudict.stream(parts), V, alpha=0.1).Z
        np.testing.assert_allclose(codes, gpudict.encode(X, V, alpha=0.1).Z, atol=1e-12)

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
                oracles.lasso_objective(X, V, gpudict.encode(X, V, alpha=0.05).Z, 0.05).sum()
                for V in (ours.dictionary, problems.unit(theirs.components_))
            ]
            ratios.append(cost[0] / cost[1])
        assert np.median(ratios) <= 1.01, ratios
