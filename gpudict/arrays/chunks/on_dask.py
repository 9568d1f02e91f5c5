"""Rows of a Dask array: on the workers of the active client, or on threads of this process.

With a client each chunk is given to one worker: that which holds it, or else a share of all, in
order. A worker adds up what its own chunks say, so that one sum leaves it, whatever their number.
What is shared goes to every worker once. Rows go nowhere.
"""

from __future__ import annotations

import importlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from typing import Any

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.door import Array, array_namespace

log = logging.getLogger(__name__)
FAN = 8  # sums that are merged at once
PATIENCE = 30.0  # seconds that a cluster may be without a worker
LOOK = 1.0  # seconds from one look at who is still there to the next
TRIES = 4  # of a sum, each after a worker was lost


class Lost(Exception):
    """Workers that rows were given to are gone."""


def takes(x: Any) -> bool:
    """Whether x is an array of Dask's."""
    return type(x).__module__.startswith("dask.array")


class DaskChunks:
    """The chunks of a Dask array (n, d) that is cut along its rows alone."""

    def __init__(self, array: Any) -> None:
        self.array = _cut_by_rows(array)
        self.sizes = tuple(int(size) for size in self.array.chunks[0])
        xp = array_namespace(array._meta)
        one = check.samples(xp.zeros((1, array.shape[1]), dtype=array.dtype))
        self.like: Array = array_namespace(one).broadcast_to(one, array.shape)
        self.name = f"a Dask array in chunks of {self.sizes} rows"
        self.blocks = list(self.array.to_delayed().ravel())

    def total(
        self,
        job: Callable[..., Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
        then: Callable[..., Any] | None = None,
    ) -> Any:
        """Return the sum of a job over chunks."""
        numbers = [i for i in (range(len(self.sizes)) if some is None else some) if self.sizes[i]]

        def parts(numbers: Sequence[int], shared: Any) -> Any:
            called = _delayed(_done)
            each = [
                called(shared, self.blocks[i], i, None if beside is None else beside[i])
                for i in numbers
            ]
            return _tree(each)

        client = active()
        if client is None:
            given = _delayed((job, shared), traverse=False)
            root = parts(numbers, given)
            return (root if then is None else _delayed(_then)(then, root, given)).compute()
        closed = importlib.import_module("distributed.comm").CommClosedError
        for _ in range(TRIES):
            try:
                return self._on(client, numbers, parts, (job, shared), then)
            except (CancelledError, Lost, closed) as error:
                log.info("A worker is lost (%s), and a sum over rows is made anew.", error)
                time.sleep(LOOK)
        raise _gone(client)

    def _on(
        self,
        client: Any,
        numbers: Sequence[int],
        parts: Callable[..., Any],
        shared: tuple[Callable[..., Any], Sequence[Any]],
        then: Callable[..., Any] | None,
    ) -> Any:
        """Return the sum from the workers of a client."""
        homes = self._homes(client, numbers)
        (given,) = client.scatter([shared], hash=False)  # once for a worker, not with each task
        sums = {
            home: client.compute(parts(own, given), workers=[home]) for home, own in homes.items()
        }
        while len(sums) > 1:
            groups = [list(sums)[i : i + FAN] for i in range(0, len(sums), FAN)]
            sums = {
                group[0]: client.submit(
                    _merged, *(sums[home] for home in group), workers=[group[0]], pure=False
                )
                for group in groups
            }
        ((home, last),) = sums.items()
        if then is not None:
            last = client.submit(_then, then, last, given, workers=[home], pure=False)
        return _answer(client, last, homes)

    def _homes(self, client: Any, numbers: Sequence[int]) -> dict[str, list[int]]:
        """Return which chunks each worker adds up."""
        threads = _threads(client)
        held = _held(client, self.array)
        homes: dict[str, list[int]] = {}
        free = []
        for i in numbers:
            holders = [home for home in held.get(self.blocks[i].key, ()) if home in threads]
            if holders:
                homes.setdefault(min(holders, key=lambda h: len(homes.get(h, ()))), []).append(i)
            else:
                free.append(i)
        ends = np.cumsum([0, *threads.values()]) * len(free) / sum(threads.values())
        for home, low, high in zip(threads, ends[:-1], ends[1:], strict=True):
            if own := free[math.ceil(low) : math.ceil(high)]:
                homes.setdefault(home, []).extend(own)
        return homes

    def mapped(
        self,
        job: Callable[..., tuple[Array, ...]],
        metas: Sequence[Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
    ) -> tuple[Any, ...]:
        """Return Dask arrays of what a job returns, in chunks of the same rows."""
        da = importlib.import_module("dask.array")
        called = _delayed(job, nout=len(metas), pure=True)
        given = [_delayed(value, pure=True) for value in shared]
        numbers = range(len(self.sizes)) if some is None else some
        parts = [
            called(self.blocks[i], i, None if beside is None else beside[i], *given)
            for i in numbers
        ]

        def joined(j: int, meta: Any) -> Any:
            each, rest = zip(parts, numbers, strict=True), meta.shape[1:]
            return da.concatenate(
                [da.from_delayed(part[j], (self.sizes[i], *rest), meta=meta) for part, i in each]
            )

        return tuple(joined(j, meta) for j, meta in enumerate(metas))

    def ended(self, job: Callable[..., object], *given: Any) -> None:
        """Call a job on every worker that is there."""
        client = active()
        if client is None:
            job(*given)
        elif client.status == "running" and client.scheduler_info(n_workers=-1)["workers"]:
            client.run(job, *given, on_error="ignore")


def active() -> Any:
    """Return the client that Dask would use here, or None for threads of this process."""
    try:
        distributed = importlib.import_module("distributed")
    except ModuleNotFoundError:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


def _delayed(value: Any, **options: Any) -> Any:
    return importlib.import_module("dask").delayed(value, **options)


def _tree(parts: list[Any]) -> Any:
    """Return the sum of parts, some of them at a time: so few are there at once."""
    merged = _delayed(_merged)
    while len(parts) > 1:
        parts = [merged(*parts[i : i + FAN]) for i in range(0, len(parts), FAN)]
    return parts[0]


def _done(given: tuple[Callable[..., Any], Any], rows: Any, number: int, beside: Any) -> Any:
    """Do a job, which comes with what is shared."""
    job, shared = given
    return job(rows, number, beside, *shared)


def _then(then: Callable[..., Any], found: Any, given: tuple[Any, Sequence[Any]]) -> Any:
    return then(found, *given[1])


def _merged(first: Any, *others: Any) -> Any:
    return first.merge(*others)


def _held(client: Any, array: Any) -> dict[Any, Sequence[str]]:
    """Return which workers hold each chunk of an array that was persisted, by their keys."""
    distributed = importlib.import_module("distributed")
    futures = distributed.futures_of(array)
    return dict(client.who_has(futures)) if futures else {}


def _threads(client: Any) -> dict[str, int]:
    """Return the threads of each worker, in the order of their addresses; wait for a first one."""
    threads = client.nthreads()
    if not threads:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise _gone(client) from None
        threads = client.nthreads()
    return dict(sorted(threads.items()))


def _answer(client: Any, future: Any, homes: Iterable[str]) -> Any:
    """Return what a future holds, or raise Lost: its rows wait for the workers they were given."""
    distributed = importlib.import_module("distributed")
    while True:
        try:
            distributed.wait(future, timeout=LOOK)
        except TimeoutError:
            gone = set(homes) - set(_threads(client))
            if gone:
                future.cancel()
                raise Lost(", ".join(sorted(gone))) from None
        else:
            return future.result()


def _gone(client: Any) -> RuntimeError:
    return RuntimeError(
        f"The cluster of {client.scheduler.address if client.scheduler else client} has had no "
        f"worker for {PATIENCE:g} s, or lost all again and again, and rows are coded there. Start "
        "workers with more memory each, or fewer threads, and call again: with checkpoint= and "
        "resume=True learning goes on from where it was."
    )


def _cut_by_rows(array: Any) -> Any:
    """Return a Dask array of two dimensions, of known chunks, each of whole rows, or raise."""
    if array.ndim != 2:
        raise ValueError(
            f"X must have two dimensions, but its shape is {array.shape}. Reshape it to a sample a "
            "row, for instance with X.reshape(-1, d)."
        )
    if any(math.isnan(size) for sizes in array.chunks for size in sizes):
        raise ValueError(
            f"X is a Dask array of the shape {array.shape}, of unknown chunk sizes, and they are "
            "needed. Call X.compute_chunk_sizes() first, which reads it once."
        )
    if len(array.chunks[1]) > 1:
        raise ValueError(
            f"X is a Dask array whose rows are cut in {len(array.chunks[1])} chunks, and a chunk "
            "of whole rows is needed. Pass X.rechunk({0: 'auto', 1: -1})."
        )
    if 0 in array.shape:
        raise ValueError(
            f"X must have at least one row and one column, but its shape is {array.shape}. Look at "
            "the step that selects or loads the data."
        )
    return array
