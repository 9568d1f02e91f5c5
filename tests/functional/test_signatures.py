"""The three functions: scikit-learn's signatures, and everything follows X."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import gpudict
from gpudict import dict_learning, sparse_encode
from tests.support import problems
from tests.support.backends import BackendCase, host

X, V = problems.signal(n=30, d=12, k=10)


@pytest.mark.parametrize("name", ["dict_learning", "dict_learning_online", "sparse_encode"])
def test_signatures_are_scikit_learns(name):
    """Keyword for keyword, default for default, but for the default method."""
    import sklearn.decomposition

    def parameters(f):
        found = inspect.signature(f).parameters.values()
        return {p.name: (p.kind, p.default) for p in found}

    ours, theirs = (
        parameters(getattr(gpudict, name)),
        parameters(getattr(sklearn.decomposition, name)),
    )
    assert list(ours) == list(theirs)
    deviations = {p for p in ours if ours[p] != theirs[p]}
    assert deviations == ({"algorithm"} if name == "sparse_encode" else {"method"})


def test_everything_follows_the_backend(backend: BackendCase):
    dX = backend.asarray(X[:8])
    start = {"dict_init": backend.asarray(V), "code_init": backend.asarray(np.zeros((8, 10)))}
    *arrays, n_iter = dict_learning(dX, 10, alpha=0.1, max_iter=2, return_n_iter=True, **start)
    code = sparse_encode(dX, arrays[1], alpha=0.1)
    kind = {type(a) for a in (*arrays, code, dX)}
    assert len(kind) == 1
    assert {str(a.device) for a in (*arrays, code)} == {str(dX.device)}
    assert arrays[2].shape == (n_iter,)
    np.testing.assert_allclose(host(arrays[0]) @ host(arrays[1]), X[:8], atol=0.6)
