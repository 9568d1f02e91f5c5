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
    "SparseCoder": lambda x, alpha: coder(alpha).transform(x),
    "a warm start": lambda x, alpha: gpudict.encode(x, V, alpha=alpha, init=X @ V.T),
    "a warm start, portable": lambda x, alpha: gpudict.encode(
        x, V, alpha=alpha, init=50 * X @ V.T, solver="fista"
    ),
    "encode_path": lambda x, alpha: gpudict.encode_path(x, V, [alpha]),
    "a stream": lambda x, alpha: gpudict.encode(in_batches(x), V, alpha=alpha),
    "a stream, sparse_encode": lambda x, alpha: gpudict.sparse_encode(
        in_batches(x), V, alpha=alpha
    ),
    "a stream, SparseCoder": lambda x, alpha: coder(alpha).transform(in_batches(x)),
    "many": lambda x, alpha: gpudict.encode(np.stack([x, x / 9]), np.stack([V, V]), alpha=alpha),
    "many, one by one": lambda x, alpha: gpudict.encode(
        np.stack([x, x / 9]), np.stack([V, V]), alpha=alpha, solver="fista"
    ),
    "Statistics": lambda x, alpha: gpudict.Statistics.of(x, V, alpha=alpha, batch_size=9),
}


def coder(alpha):
    """Return an estimator that codes."""
    return gpudict.SparseCoder(V, transform_algorithm="lasso_cd", transform_alpha=alpha)


def in_batches(x):
    """Return rows five at a time."""
    return gpudict.stream(x, batch_size=5)


LEARNED = {
    "learn": lambda x, alpha: gpudict.learn(x, 4, alpha=alpha, max_iter=2),
    "learn_online": lambda x, alpha: gpudict.learn_online(x, 4, alpha=alpha, batch_size=9),
    "dict_learning": lambda x, alpha: gpudict.dict_learning(x, 4, alpha=alpha, max_iter=2),
    "partial_fit": lambda x, alpha: gpudict.MiniBatchDictionaryLearning(4, alpha=alpha).partial_fit(
        x
    ),
}


@pytest.mark.parametrize("name", [*CODED, *LEARNED])
def test_it_is_said_where_it_is_so(name: str) -> None:
    call, top = (CODED[name], TOP) if name in CODED else (LEARNED[name], NORM)
    with pytest.warns(UserWarning, match=f"every code zero.* from {top:.3g} on") as said:
        call(X, 1.01 * top)
    assert said[0].filename == __file__
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(0 * X, 1.0)  # of which no alpha has another code
        if name in CODED:
            call(X, 0.9 * top)


@pytest.mark.parametrize("name", ["a stream", "a stream, sparse_encode", "a stream, SparseCoder"])
def test_of_batches_it_is_said_once_and_if_it_is_so_of_each(name: str) -> None:
    loud = np.concatenate([X[:5] * 1e-3, X[5:]])
    top = np.abs(loud @ V.T).max()
    CODED[name](loud, 0.9 * top)  # a warning would be an error
    with pytest.warns(UserWarning, match=f"every code zero.* from {top:.3g} on") as said:
        CODED[name](loud, 1.01 * top)
    assert len(said) == 1


@pytest.mark.parametrize("rows", [False, True])
def test_of_penalties_it_is_their_own_pull(rows: bool) -> None:
    weight = np.outer(np.arange(1, 21) if rows else np.ones(20), np.arange(1, 7))
    top = np.abs(X @ V.T / weight).max()
    with pytest.warns(UserWarning, match=f"every code zero.* from {top:.3g} on"):
        gpudict.encode(X, V, penalty=gpudict.WeightedL1(2 * top, weight if rows else weight[0]))


def test_what_was_not_coded_is_not_said() -> None:
    assert not gpudict.encode(X, V, alpha=0.9 * TOP, max_iter=0).Z.any()


def test_of_a_stream_it_is_said_of_the_first_rows() -> None:
    with pytest.warns(UserWarning, match="every code zero.*a sample among the first"):
        gpudict.learn_online(in_batches(X), 4, alpha=2 * NORM)


def test_of_chunks_it_is_said_of_each() -> None:
    da = pytest.importorskip("dask.array")
    found = gpudict.encode(da.from_array(X, chunks=(10, 8)), V, alpha=1.01 * TOP)
    with pytest.warns(UserWarning, match="every code zero.*in a chunk of X"):
        found.Z.compute(scheduler="threads")
