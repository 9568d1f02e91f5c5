"""A worker raises, or a callback does: it comes out as it is, and nothing of the call is left."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpudict
from gpudict.coding import on_device, on_host
from gpudict.learning import codes
from tests.faults.operations import (
    MANY,
    OPERATIONS,
    U,
    V,
    X,
    eventually,
    of_process,
    same,
    unharmed,
)
from tests.support.backends import host, on_device1, on_torch


class Planted(Exception):
    """An error that no library raises."""


WORK = {  # an operation that several threads share, and what each of its jobs calls
    "many_rows": (on_host, "solved"),
    "in_batches": (on_device, "solved"),
    "statistics": (codes.Compressed, "_cut"),
}


def statistics(x: Any, v: Any, u: Any) -> list[Any]:
    """Learn from compressed codes that threads share."""
    found = gpudict.learn(MANY, 20, alpha=0.1, max_iter=2, random_state=0, n_jobs=2)
    return [found.dictionary]


@pytest.mark.compiled
@pytest.mark.parametrize("error", [Planted, SystemExit])
@pytest.mark.parametrize("name", WORK)
def test_a_worker(name: str, error: type[BaseException], monkeypatch):
    """The error of a job, whichever; the jobs after it are not begun, and the pool is there."""
    monkeypatch.setattr(codes, "ALONE", 1)
    monkeypatch.setattr(codes, "GROUP", 1)
    run: Callable[..., Any] = {**OPERATIONS, "statistics": statistics}[name]
    where, what = WORK[name]
    real, wanted, calls = getattr(where, what), run(X, V, U), 0

    def counted(at: int) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                raise error("planted")
            return real(*args)

        return call

    monkeypatch.setattr(where, what, counted(0))
    assert same(run(X, V, U), wanted)
    last = calls
    assert last > 1
    for at in {*range(1, last, last // 6 + 1), last}:
        calls = 0
        monkeypatch.setattr(where, what, counted(at))
        with unharmed(X, V, U), pytest.raises(error, match="planted"):
            run(X, V, U)
    monkeypatch.setattr(where, what, real)
    assert same(run(X, V, U), wanted)


def learn(x: Any, callback: Callable[[Any], object] | None) -> Any:
    """Learn from an array."""
    return gpudict.learn(x, 6, alpha=0.2, max_iter=4, random_state=0, callback=callback)


def learn_online(x: Any, callback: Callable[..., object] | None) -> Any:
    """Learn from batches."""
    options = {"dict_init": "data", "batch_size": 10, "max_iter": 1, "random_state": 0}
    return gpudict.learn_online(x, 6, alpha=0.2, callback=callback, **options)


@pytest.mark.parametrize("error", [Planted, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("place", [np.asarray, on_torch, on_device1])
@pytest.mark.parametrize("learner", [learn, learn_online])
def test_a_callback(learner: Any, place: Any, error: type[BaseException]):
    """At each iteration; its own error is not taken for one of ours."""
    x, calls = place(X), 0

    def callback(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise error("planted")

    at = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = host(learner(x, callback).dictionary)
    for at in range(1, calls + 1):  # noqa: B007
        calls = 0
        with unharmed(x), pytest.raises(error, match=r"^planted$"):
            learner(x, callback)
    assert host(learner(x, None).dictionary).tobytes() == wanted.tobytes()


@pytest.mark.compiled
def test_threads_are_few(monkeypatch):
    """A pool is made once for a number of threads, however often and however its jobs end."""
    OPERATIONS["many_rows"](X, V, U)
    before = of_process("task")
    monkeypatch.setattr(on_host, "solved", lambda *_: 1 / 0)
    for _ in range(20):
        with pytest.raises(ZeroDivisionError):
            OPERATIONS["many_rows"](X, V, U)
    assert eventually(lambda: of_process("task") <= before)
