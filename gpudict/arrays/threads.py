"""How many threads, and a map over them: `n_jobs` is a number of threads of this process.

Threads share the arrays, so nothing is pickled, no dtype changes, and more of them never make a
small job slower than one does by more than the start of a pool.
"""

from __future__ import annotations

import functools
import os
import sys
from _thread import start_new_thread
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

from gpudict.arrays.settings import Setting, Undo

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    job: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterable[Result]:
    """Map the job over the items, in order; with several workers BLAS gets one thread in each."""
    return map(job, items) if workers == 1 else _pooled(job, items, workers)


def _pooled(job: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    call = _Call(job)
    with quiet():
        try:
            count = 0
            for item in items:
                _pool(workers).put((call, count, item))
                count += 1
            yield from call.results(count)
        finally:  # an error, or an interrupt, while they were being handed out too
            call.stopped = True


def at_once(job: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Map the job over the items, in order, in a thread for each that is the same at every call.

    These threads are for jobs that wait for a device: they may use the pool, which is another one,
    and BLAS stays as it is. An error is raised when all of them have ended.
    """
    call = _Call(job)
    try:
        for number, item in enumerate(items):
            _pool(1, number).put((call, number, item))
        ended = [call.done.get() for _ in items]
    finally:
        call.stopped = True
    ended.sort(key=lambda one: one[0])
    error = next((error for _, _, error in ended if error is not None), None)
    if error is not None:
        try:
            raise error
        finally:
            del error, ended  # whose frames hold this one
    return [result for _, result, _ in ended]


class _Call:
    """A job that a pool does for many items, in the context of the caller.

    Of those it has not begun, none is done once it is stopped.
    """

    def __init__(self, job: Callable[[Any], Any]) -> None:
        self.job, self.stopped, self.context = job, False, copy_context()
        self.done: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

    def work(self, number: int, item: Any) -> None:
        """Do it for an item, in a thread of the pool."""
        try:
            result = None if self.stopped else self.context.copy().run(self.job, item)
        except BaseException as error:
            self.done.put((number, None, error))
        else:
            self.done.put((number, result, None))

    def results(self, count: int) -> Iterator[Any]:
        """Yield the results in order; raise the first error."""
        early: dict[int, tuple[Any, BaseException | None]] = {}
        for number in range(count):
            while number not in early:
                which, *found = self.done.get()
                early[which] = (found[0], found[1])
                del found
            result, error = early.pop(number)
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # whose frames hold this one
            yield result
            del result


@functools.cache
def _pool(workers: int, which: int = 0) -> SimpleQueue[tuple[_Call, int, Any]]:
    """Return the queue of threads that wait for the next job: to start them takes longer than one.

    Queue and threads are those below Python's own pool, whose locks an interrupt can leave locked.
    """
    jobs: SimpleQueue[tuple[_Call, int, Any]] = SimpleQueue()
    for _ in range(workers):
        start_new_thread(_wait_for, (jobs,))
    return jobs


def _wait_for(jobs: SimpleQueue[tuple[_Call, int, Any]]) -> None:
    while True:
        call, number, item = jobs.get()
        call.work(number, item)
        del call, number, item  # they hold arrays


def _one_thread(undo: list[Undo]) -> None:
    """Give BLAS one thread: its others would go on to spin beside ours for a while."""
    for one in _blas():
        if (before := one.num_threads) != 1:
            undo.append(functools.partial(_set_threads, one, before))
            _set_threads(one, 1)


def _set_threads(library: Any, count: int) -> None:
    """Set the threads of a BLAS, from whatever thread: `quiet` knows who holds them.

    threadpoolctl 3.8 ignores all threads but the first that does so, until it is told to forget it.
    """
    forget = getattr(library, "clear_controlling_thread", lambda *, force: None)
    forget(force=True)
    library.set_num_threads(count)
    forget(force=True)


quiet = Setting(_one_thread)


if hasattr(os, "register_at_fork"):  # a child has none of the threads, whatever they were doing
    os.register_at_fork(after_in_child=_pool.cache_clear)


def blas_threads() -> int:
    """Return how many threads BLAS uses, when no pool holds it to one."""
    with quiet.lock:
        held = [part.args[1] for part in quiet.undo if isinstance(part, functools.partial)]
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
