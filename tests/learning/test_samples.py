"""Samples and their weights: a weight is a number of times that a sample is there."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.learning.forgetting import shares
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host


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

    @pytest.mark.parametrize("solver", ["cd", "working_set"])
    def test_what_is_kept_of_the_past(self, solver):
        """Of each batch its mean, by the weights, in either memory as the schedule says."""
        X, V0 = problems.signal(n=40, d=8, k=5)
        weight = np.random.default_rng(0).uniform(0, 3, size=40)
        options = {"alpha": 0.1, "tol": 0, "max_no_improvement": None, "solver": solver}
        steps = []
        found = gpudict.learn_online(
            X, 5, sample_weight=weight, batch_size=10, max_iter=1, shuffle=False, dict_init=V0,
            callback=lambda step, *_: steps.append((step.state, step.code)), **options,
        )  # fmt: skip
        sums, V, seen, used = 2 * [[V0.T, 0.0, np.eye(5)]], V0, 0.0, 0.0
        for number, (state, U) in enumerate(steps):
            here = slice(10 * number, 10 * number + 10)
            x, w = X[here], weight[here, None]
            batch = (x.T @ (w * U), (w * x * x).sum(axis=0), U.T @ (w * U))
            mass, some = w.sum(), w[:, 0] > 0
            if number:
                old = [1 - share for share in shares(mass, seen, used, 5)]
            else:
                logs = np.log((x * x).sum(axis=1)[some])
                old = [0.1 / mass * np.exp(np.average(logs, weights=w[some, 0]))] * 2
            sums = [
                [keep * a + b / mass for a, b in zip(one, batch, strict=True)]
                for one, keep in zip(sums, old, strict=True)
            ]
            seen, now = seen + mass, ((U != 0).sum(axis=1) @ w[:, 0]) / mass
            used += (now - used) / (number + 1)
            cost = oracles.lasso_objective(x, V, U, 0.1) @ w[:, 0] / w.sum()
            np.testing.assert_allclose(found.objective[number], cost, rtol=1e-9)
            V = state.atoms
        for memory, one in zip((found.past.recent, found.past.long), sums, strict=True):
            for ours, theirs in zip(memory[:3], one, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-9)
        assert (found.past.seen, found.past.used) == pytest.approx((seen, used))
        assert found.past.step == 4
        once = oracles.sphere_sweep(found.past.long.gram, found.past.long.cov.T, V)
        np.testing.assert_allclose(found.dictionary, once, atol=1e-9)

    def test_absent_samples_are_never_drawn(self):
        X, _ = problems.signal(n=30, d=6, k=5)
        weight = np.where(np.arange(30) < 4, 0.5, 0)
        options = {"alpha": 0.1, "sample_weight": weight, "dict_init": "data", "random_state": 0}
        V = gpudict.learn(X, 4, max_iter=0, **options).dictionary
        assert set(np.abs(V @ problems.unit(X).T).argmax(axis=1)) == {0, 1, 2, 3}
        again = gpudict.learn_online(X, 9, batch_size=3, max_iter=3, **options)
        assert len(again.history) <= 3 * 4  # batches without a weight are left out
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
