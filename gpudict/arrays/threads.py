"""How many threads, and a map over them: `n_jobs` is a number of threads of this process.

Threads share the arrays, so nothing is pickled, no dtype changes, and more of them never make a
small job slower than one does by more than the start of a pool.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    job: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterable[Result]:
    """Map the job over the items, in order; with several workers BLAS gets one thread in each."""
    return map(job, items) if workers == 1 else _pooled(job, items, workers)


def _pooled(job: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    with QUIET:
        yield from _pool(workers).map(job, items)


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Return threads that wait for the next job: to start them takes longer than a small one."""
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and seldom needed

    return ThreadPoolExecutor(workers, thread_name_prefix="gpudict")


class _SingleThreadedBlas:
    """BLAS has one thread inside: its others would go on to spin beside ours for a while.

    The limit is the process's, so where some overlap the last one to end gives the threads back.
    While a process is forked none is set: BLAS starts threads for it, behind a lock that no child
    could open.
    """

    def __init__(self) -> None:
        self.lock, self.users, self.before = RLock(), 0, 1
        self.limits: Any = None

    def __enter__(self) -> None:
        with self.lock:
            if not self.users:
                self.before = blas_threads()
                self.limits = _libraries().limit(limits=1, user_api="blas")
            self.users += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                self.limits.restore_original_limits()


QUIET = _SingleThreadedBlas()


def _fresh() -> None:
    """Forget the threads: a process that was forked has none of them, whatever they were doing."""
    _pool.cache_clear()
    QUIET.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: QUIET.lock.acquire(),
        after_in_parent=lambda: QUIET.lock.release(),
        after_in_child=_fresh,
    )


def blas_threads() -> int:
    """Return how many threads BLAS uses, when no pool holds it to one."""
    if QUIET.users:
        return QUIET.before
    blas = [pool["num_threads"] for pool in _libraries().info() if pool["user_api"] == "blas"]
    return max(blas, default=_cores())


@functools.cache
def _libraries() -> Any:
    """Return the control of the loaded libraries that thread by themselves, NumPy's among them."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads(n_jobs: int | None) -> int:
    """Return the number of threads that n_jobs asks for, as scikit-learn counts them.

    None is as many as BLAS would use, and 1 inside a joblib worker, whose siblings have the rest.
    """
    if n_jobs is None:
        return 1 if _in_joblib_worker() else blas_threads()
    return n_jobs if n_jobs > 0 else max(1, _cores() + 1 + n_jobs)


def _in_joblib_worker() -> bool:
    parallel = sys.modules.get("joblib.parallel")  # a worker has it loaded
    return parallel is not None and bool(parallel.get_active_backend()[0].nesting_level)
