"""Rows in batches that fit the memory: one that does not is halved, down to a single row.

How much a batch takes is estimated before it starts, and the estimate can fail: supports may be
larger than usual, memory in pieces, and other programs may want some. So where the library says
that memory was not enough, what the failed batch left behind is let go, and it is tried again in
halves. The size that worked stays for the batches that follow.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

from gpudict.arrays.backends import backend_of
from gpudict.arrays.door import Array, array_namespace, device
from gpudict.arrays.threads import in_parallel

Result = TypeVar("Result")


class _Size:
    """Rows of a batch: the threads that share it lower it for one another."""

    def __init__(self, rows: int) -> None:
        self.rows = rows


def in_batches(
    job: Callable[[slice], Result], n: int, size: int, like: Array, workers: int = 1
) -> Iterator[tuple[slice, Result]]:
    """Yield the rows and job(rows) of each batch of n rows, in order.

    The job must not return None. Its error is raised if a single row is too much.
    """
    now = _Size(size)

    def pieces(first: int) -> Iterator[tuple[slice, Result]]:
        low, stop = first, min(first + size, n)
        while low < stop:
            here = slice(low, min(low + now.rows, stop))
            result = _attempt(job, here, like)
            if result is None:
                now.rows = min(now.rows, (here.stop - here.start) // 2)
                _log(here, now, like)
                continue
            yield here, result
            del result  # its arrays are the caller's
            low = here.stop

    starts = range(0, n, size)
    if workers == 1:
        return chain.from_iterable(map(pieces, starts))
    return chain.from_iterable(in_parallel(lambda first: list(pieces(first)), starts, workers))


def _attempt(job: Callable[[slice], Result], here: slice, like: Array) -> Result | None:
    """Return what the job gives, or None if there was not the memory for it."""
    try:
        return job(here)
    except Exception as error:
        if here.stop - here.start == 1 or not _is_memory_error(error, like):
            raise
        let_go(error)
    backend_of(array_namespace(like)).give_back(like)
    return None


def _is_memory_error(error: BaseException, like: Array) -> bool:
    """Whether an error that work on such an array raised says that memory was not enough."""
    return isinstance(error, MemoryError) or backend_of(array_namespace(like)).exhausted(error)


def let_go(error: BaseException) -> None:
    """Drop the variables of the frames that an error came through: they hold arrays."""
    now: BaseException | None = error
    while now is not None:
        traceback.clear_frames(now.__traceback__)
        now = now.__context__


class NotEnough(MemoryError):
    """The error whose sentence says what memory was needed for."""


class memory_error_saying:
    """Say in one sentence what memory was needed for, where it was not enough; the innermost does.

    `tried` is what did not help.
    """

    def __init__(
        self, needs: Callable[[], str], like: Array, tried: str = "even a row at a time"
    ) -> None:
        self.needs, self.like, self.tried = needs, like, tried

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, NotEnough):
            return
        if _is_memory_error(error, self.like):
            let_go(error)
            tried = self.tried and f", {self.tried}"
            where = f"The memory of {device(self.like)} is not enough{tried}"
            raise NotEnough(f"{where}: {self.needs()}") from error


def _log(here: slice, now: _Size, like: Array) -> None:
    import logging

    logging.getLogger(__name__).warning(
        "The memory of %s was not enough for a batch of %d rows: it goes on with %d.",
        device(like), here.stop - here.start, now.rows,
    )  # fmt: skip
