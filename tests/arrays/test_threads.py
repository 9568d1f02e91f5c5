"""Threads: how many, in whose process, and BLAS gets its own back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from threadpoolctl import threadpool_limits

import gpudict
from gpudict.arrays.threads import _blas, blas_threads, quiet
from tests.support import problems


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_has_threads_of_its_own():
    """A process that is forked once the pool runs starts a new one, and does not wait."""
    script = (
        "import multiprocessing, numpy as np, gpudict\n"
        "X, V = np.random.default_rng(0).standard_normal((9000, 9)), np.eye(9)\n"
        "work = lambda _: gpudict.encode(X, V, alpha=0.5, n_jobs=2).Z\n"
        "Z = work(0)\n"
        "def child(queue): queue.put(bool((work(0) == Z).all()))\n"
        "context = multiprocessing.get_context('fork')\n"
        "queue = context.Queue()\n"
        "process = context.Process(target=child, args=(queue,))\n"
        "process.start()\n"
        "assert queue.get(timeout=60)\n"
        "process.join()\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=120)


FORKED = """
import faulthandler, os, sys, threading, time
import numpy as np, gpudict
from gpudict.arrays import threads
from gpudict.solvers.host.kernels import compiling

X, V = np.random.default_rng(0).standard_normal((9000, 9)), np.eye(9)
gpudict.encode(X.astype(np.float32), V.astype(np.float32), alpha=0.5, n_jobs=2)
busy, inside, blas = threading.Event(), [], threads._blas

class Slow:  # the numbers of threads take their time to be set
    num_threads = 2
    def set_num_threads(self, number):
        inside.append(1)
        busy.set()
        time.sleep(0.5)
        inside.clear()

def compiles():
    with compiling.global_compiler_lock:
        busy.set()
        time.sleep(0.5)

def sets():
    with threads.quiet():
        pass

if sys.argv[1] == "sets":
    threads._blas = lambda: [Slow()]
thread = threading.Thread(target=globals()[sys.argv[1]])
thread.start()
assert busy.wait(60)
if (child := os.fork()) == 0:
    faulthandler.dump_traceback_later(20, exit=True)
    threads._blas = blas
    gpudict.encode(X, V, n_nonzero_coefs=2, n_jobs=2)  # which nothing has compiled yet
    os._exit(len(inside))
thread.join()
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("what", ["compiles", "sets"])
def test_forked_while_another_thread_is_busy(what):
    """With Numba's compiler, or BLAS's number of threads: the child waits for no lock of theirs.

    The times are no measure: one lets the fork be early, the other ends a child that hangs.
    """
    command = [sys.executable, "-W", "ignore", "-c", FORKED, what]
    subprocess.run(command, check=True, timeout=120)


def test_one_thread_inside_a_joblib_worker():
    from joblib import Parallel, delayed

    from gpudict.arrays.threads import threads

    inside = Parallel(n_jobs=2, backend="threading")(delayed(threads)(None) for _ in range(2))
    assert inside == [1, 1]
    assert threads(3) == 3
    assert threads(-1) >= 1
    assert threads(None) >= 1


def test_overlapping_pools_give_blas_its_threads_back():
    X, V = problems.signal(n=4000, d=16, k=24)
    work = lambda: gpudict.encode(X, V, alpha=0.2, n_jobs=2)  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(2)]
    with threadpool_limits(limits=3, user_api="blas"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(ZeroDivisionError):
            gpudict.learn(X, 24, alpha=0.2, callback=lambda _: 1 / 0)
        assert blas_threads() == 3


def test_a_thread_that_was_first_does_not_keep_blas():
    """Works overlap, and the thread that began is not the one that ends last; it lives on."""
    begun, may_end, ended, may_die = (threading.Event() for _ in range(4))

    def first():
        with quiet():
            begun.set()
            may_end.wait(60)
        ended.set()
        may_die.wait(60)

    before = [one.num_threads for one in _blas()]
    thread = threading.Thread(target=first)
    thread.start()
    begun.wait(60)
    with quiet():
        may_end.set()
        ended.wait(60)
        assert {one.num_threads for one in _blas()} == {1}
    assert [one.num_threads for one in _blas()] == before
    may_die.set()
    thread.join()
