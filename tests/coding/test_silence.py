"""An alpha that leaves every code zero is said, with the smallest one that does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import gpudict
from tests.support.problems import signal
from tests.support.solving import usable

X, V = signal(n=20, d=8, k=6)
TOP = np.abs(X @ V.T).max()
NORM = np.linalg.norm(X, axis=1).max()
SOLVERS = usable("active_set", "working_set", "lars", "fista", "cd_sweep", "face_walk")
CODED = {
    **{
        name: lambda x, alpha, name=name: gpudict.encode(x, V, alpha=alpha, solver=name)
        for name in SOLVERS
    },
    "sparse rows": lambda x, alpha: gpudict.encode(x, V, alpha=alpha, sparse_output=True),
    "an alpha a row": lambda x, alpha: gpudict.encode(x, V, alpha=np.full(20, alpha)),
    "sparse_encode": lambda x, alpha: gpudict.sparse_encode(x, V, alpha=alpha),
    "SparseCoder": lambda x, alpha: gpudict.SparseCoder(
        V, transform_algorithm="lasso_cd", transform_alpha=alpha
    ).transform(x),
}
LEARNED = {
    "learn": lambda x, alpha: gpudict.learn(x, 4, alpha=alpha, max_iter=2),
    "learn_online": lambda x, alpha: gpudict.learn_online(x, 4, alpha=alpha, batch_size=9),
    "dict_learning": lambda x, alpha: gpudict.dict_learning(x, 4, alpha=alpha, max_iter=2),
}


@pytest.mark.parametrize("name", [*CODED, *LEARNED])
def test_it_is_said_where_it_is_so(name: str) -> None:
    call, top = (CODED[name], TOP) if name in CODED else (LEARNED[name], NORM)
    with pytest.warns(UserWarning, match=f"every code zero.* from {top:.3g} on") as said:
        call(X, 1.01 * top)
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(0 * X, 1.0)  # of which no alpha has another code
        if name in CODED:
            call(X, 0.9 * top)
