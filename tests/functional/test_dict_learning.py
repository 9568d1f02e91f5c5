"""`dict_learning` and `dict_learning_online`: methods, numbers of atoms, seeds."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict import dict_learning, dict_learning_online
from tests.support import problems

X, V = problems.signal(n=30, d=12, k=10)


@pytest.mark.parametrize("method", ["cd", "lars", "fista", "ista", "cd_sweep", "working_set"])
def test_methods_agree(method):
    errors = dict_learning(
        X, 10, alpha=0.2, method=method, max_iter=3, tol=0, dict_init=V, method_max_iter=50_000
    )[2]
    want = dict_learning(X, 10, alpha=0.2, max_iter=3, tol=0, dict_init=V)[2]
    np.testing.assert_allclose(errors, want, rtol=1e-6)


def test_n_components_none_is_n_features():
    assert dict_learning(X, None, alpha=0.5, max_iter=1)[1].shape == (12, 12)
    assert dict_learning_online(X, None, max_iter=1)[1].shape == (12, 12)


@pytest.mark.parametrize("state", [0, np.random.RandomState(0), np.random.default_rng(0), None])
def test_random_states(state):
    V = dict_learning(X, 14, alpha=0.5, max_iter=2, random_state=state)[1]
    np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1)
