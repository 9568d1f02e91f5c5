"""Samples and their weights: a weight is a number of times that a sample is there."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
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
