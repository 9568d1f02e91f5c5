"""How many threads, and a map over them: `n_jobs` is a number of threads of this process.

Threads share the arrays, so nothing is pickled, no dtype changes, and more of them never make a
small job slower than one does by more than the start of a pool.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from gpudict.arrays.settings import Setting, Undo

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
    pool, waiting = _pool(workers), deque[Any]()
    with quiet():
        try:
            for item in items:
                waiting.append(pool.submit(job, item))
            while waiting:
                yield waiting.popleft().result()
        finally:  # an error, or an interrupt, while many were being submitted too
            for future in waiting:
                future.cancel()


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Return threads that wait for the next job: to start them takes longer than a small one."""
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and seldom needed

    return ThreadPoolExecutor(workers, thread_name_prefix="gpudict")


def _one_thread(undo: list[Undo]) -> None:
    """Give BLAS one thread: its others would go on to spin beside ours for a while."""
    for one in _blas():
        undo.append(functools.partial(one.set_num_threads, one.num_threads))
        one.set_num_threads(1)


quiet = Setting(_one_thread)


if hasattr(os, "register_at_fork"):  # a child has none of the threads, whatever they were doing
    os.register_at_fork(after_in_child=_pool.cache_clear)


def blas_threads() -> int:
    """Return how many threads BLAS uses, when no pool holds it to one."""
    with quiet.lock:
        held = [part.args[0] for part in quiet.undo if isinstance(part, functools.partial)]
        return max(held or [one.num_threads for one in _blas()], default=_cores())


def _blas() -> list[Any]:
    return [one for one in _libraries().lib_controllers if one.user_api == "blas"]


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
