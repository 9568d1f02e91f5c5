"""KeyboardInterrupt at any point: BLAS has its threads, a learner is what it was, all goes on.

CPython looks for signals as a function begins and after a call of one in C. There, and nowhere
else, the interrupts are raised by a profiler, one at each point, in the thread that called; and
then by real signals, at random moments, in a process of their own.
"""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudict
from gpudict.arrays import phases
from gpudict.arrays.threads import blas_threads
from tests.faults.operations import (
    OPERATIONS,
    Learning,
    U,
    V,
    X,
    blas,
    eventually,
    same,
    unharmed,
)
from tests.support.backends import host, on_torch

# An error in what Python calls when an object dies goes nowhere; as array-api-compat asks PyTorch
# for its dtypes, any error stands for one that is not there.
UNHEARD = ("__del__", "dtypes")
KERNELS = str(Path("host", "kernels"))


class Points:
    """Counts the points at which a signal is heard, and raises at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at, self.number = at, 0

    def __call__(self, frame: Any, event: str, arg: Any) -> None:
        code = frame.f_code
        closes = event == "call" and code.co_flags & inspect.CO_GENERATOR  # perhaps: none is heard
        compiled = KERNELS in code.co_filename  # Numba's frame is none that runs, and hears nothing
        unheard = closes or compiled or code.co_name in UNHEARD
        if event in ("call", "c_return") and not unheard:
            self.number += 1
            if self.number == self.at:
                raise KeyboardInterrupt


def interrupted(run: Callable[[], Any], at: int | None) -> tuple[Any, int]:
    """Return what came out, None if it was interrupted, and the number of points."""
    points, found = Points(at), None
    gc.disable()  # what a library calls as garbage is collected can't raise: it would be unheard
    try:
        sys.setprofile(points)
        found = run()
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
        gc.enable()
        phases._NOW.set("")  # an interrupt can leave its word, which is for those who count alone
    return found, points.number


def spread(last: int, count: int) -> list[int]:
    """Return some of the points, the more of them the nearer to an end."""
    far = np.geomspace(1, last, count).astype(int)
    some = {*far.tolist(), *(last + 1 - far).tolist(), *range(1, last, last // count + 1)}
    return sorted(some | set(range(max(1, last - 2 * count), last + 1)))


SOME = [pytest.param(12, id="some"), pytest.param(100, id="many", marks=pytest.mark.by_hand)]


CASES = [
    (name, place)
    for name in ("many_rows", "in_batches", "learn", "learn_online")
    for place in (np.asarray, on_torch)
    if (name, place) != ("in_batches", on_torch)  # seconds, and it has no threads of ours
]


@pytest.mark.parametrize("count", SOME)
@pytest.mark.parametrize(("name", "place"), CASES)
def test_an_operation(name: str, place: Any, count: int):
    """Inputs, threads, files and BLAS are as they were, and the next call gives the same bits."""
    x, v, u = (place(a) for a in (X, V, U))
    run = lambda: OPERATIONS[name](x, v, u)  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = run()
        _, last = interrupted(run, None)
    for at in spread(last, count):
        with unharmed(x, v, u):
            found, _ = interrupted(run, at)
            assert found is None or same(found, wanted)
        assert max(blas(), default=0) in (0, blas_threads())
    assert same(run(), wanted)


@pytest.mark.parametrize("count", SOME)
@pytest.mark.parametrize("place", [np.asarray, on_torch], ids=["numpy", "torch"])
def test_a_batch_is_seen_or_it_is_not(place: Any, count: int):
    """An estimator has the state before it or after it, and learns the rest from there."""
    x = place(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = Learning(x)
        before = [np.array(host(a)) for a in whole.state()]
        _, last = interrupted(whole, None)
    after = whole.state()
    for at in spread(last, count):
        with unharmed(x):
            learning = Learning(x)
            interrupted(learning, at)
            now = learning.state()
            assert same(now, before) or same(now, after), f"half a batch at point {at}"
            if same(now, before):
                assert same(learning(), after)


def test_a_fit_is_made_or_it_is_not():
    """An interrupted fit leaves what was fitted before, or nothing."""
    for estimator in (
        gpudict.MiniBatchDictionaryLearning(6, batch_size=12, max_iter=2, random_state=0),
        gpudict.DictionaryLearning(6, max_iter=2, random_state=0),
        gpudict.SparsePCA(3, max_iter=2, random_state=0),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, last = interrupted(lambda: estimator.fit(X), None)  # noqa: B023
            fitted = dict(vars(estimator))
            other = np.asarray(X[:, :8], dtype=np.float32)
            for at in spread(last // 2, 4):
                interrupted(lambda: estimator.fit(other), at)  # noqa: B023
                assert vars(estimator).keys() == fitted.keys()
                assert all(vars(estimator)[name] is value for name, value in fitted.items())


SCRIPT = """
import os, random, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")
from tests.faults.operations import OPERATIONS, U, V, X, blas, same
run = lambda: OPERATIONS[sys.argv[1]](X, V, U)
wanted, pools, hits, misses = run(), blas(), 0, 0
began = time.perf_counter(); run(); took = time.perf_counter() - began
random.seed(0)
while hits < int(sys.argv[2]):
    timer = threading.Timer(random.uniform(0, took), os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        while True:
            assert same(run(), wanted)
    except KeyboardInterrupt:
        hits += 1
    timer.join()
    assert blas() == pools, (blas(), pools)
assert same(run(), wanted)
print("whole")
"""


@pytest.mark.parametrize("hits", [8, pytest.param(200, marks=pytest.mark.by_hand)])
@pytest.mark.parametrize("name", ["many_rows", "in_batches"])
def test_signals(name: str, hits: int):
    """Each ends what runs, and the same process does it again, with the same bits."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, name, str(hits)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert (done.stdout, done.stderr) == ("whole\n", "")


def test_what_was_submitted_is_not_done_after_an_interrupt():
    """Nor what an error came before."""
    from gpudict.arrays.threads import in_parallel

    begun: list[int] = []

    def jobs() -> Any:
        yield from range(1000)
        raise KeyboardInterrupt

    def job(number: int) -> None:
        begun.append(number)
        eventually(lambda: ended)

    ended = []
    with pytest.raises(KeyboardInterrupt):
        list(in_parallel(job, jobs(), 2))
    ended.append(True)
    list(in_parallel(lambda _: None, range(4), 2))
    assert len(begun) <= 2
