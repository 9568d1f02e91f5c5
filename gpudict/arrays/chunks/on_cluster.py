"""A sum over the chunks of a Dask array, on the workers of a client.

Each chunk is given to one worker: that which holds it, or else a share of all, in order. A worker
adds up what its own chunks say, so that one sum leaves it, whatever their number. What is shared
goes to every worker once. Rows go nowhere. Where the client hears workers itself, the last few sums
are added up here: as many bytes, and one message less to wait for.

A task of a sum waits for its own worker. So a worker that is lost is noticed here, and the sum is
made anew by those that are there: it depends on rows and on what is shared, and on nothing else.
"""

from __future__ import annotations

import importlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

log = logging.getLogger(__name__)
FAN = 8  # sums that are merged at once
PATIENCE = 30.0  # seconds that a cluster may be without a worker
LOOK = 1.0  # seconds from one look at who is still there to the next
CLUSTERS = (None, "dask.distributed", "distributed")  # schedulers by which a client is used
TRIES = 4  # of a sum, each after a worker was lost

Tree = Callable[[Sequence[int], Any], Any]  # (chunks, what is shared) -> their sum, as a recipe


class Lost(Exception):
    """Workers that rows were given to are gone."""


def active() -> Any:
    """Return the client that Dask would use here, or None for a scheduler of this machine."""
    if importlib.import_module("dask").config.get("scheduler", None) not in CLUSTERS:
        return None
    try:
        distributed = importlib.import_module("distributed")
    except ModuleNotFoundError:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


@dataclass
class Seen:
    """Who is there and holds which chunk of an array, as it was less than a look ago.

    Attributes
    ----------
    array, keys : a Dask array, and those of its chunks
    """

    array: Any
    keys: Sequence[Any]
    _client: Any = None
    _until: float = 0.0
    _found: tuple[dict[str, int], dict[Any, Sequence[str]]] = field(default=({}, {}))

    def homes(self, client: Any, numbers: Sequence[int]) -> dict[str, list[int]]:
        """Return which of some chunks each worker adds up."""
        if client is not self._client or time.monotonic() > self._until:
            self._found = _threads(client), _held(client, self.array)
            self._client, self._until = client, time.monotonic() + LOOK
        return _homes(*self._found, self.keys, numbers)

    def forget(self) -> None:
        """Look anew the next time."""
        self._client = None


def total(
    client: Any,
    seen: Seen,
    tree: Tree,
    shared: Any,
    numbers: Sequence[int],
    then: Callable[..., Any] | None,
) -> Any:
    """Return the sum over chunks, or what is made of it there."""
    if client.status in ("closing", "closed"):
        raise RuntimeError(
            "The client of Dask's that is active here is closed, and rows are worked on by its "
            "workers. Make a new client, or leave the context of this one, and call again."
        )
    closed = importlib.import_module("distributed.comm").CommClosedError
    for _ in range(TRIES):
        try:
            homes = seen.homes(client, numbers)
            with _aside():
                return _once(client, homes, tree, shared, then)
        except (CancelledError, Lost, closed) as error:
            log.info("A worker is lost (%s), and a sum over rows is made anew.", error)
            time.sleep(LOOK)
            seen.forget()
    raise _gone(client)


@contextmanager
def _aside() -> Iterator[None]:
    """Return the context in which a task that waits here for others leaves them its thread."""
    distributed = importlib.import_module("distributed")
    pool = importlib.import_module("distributed.threadpoolexecutor").thread_state
    if not getattr(pool, "proceed", False):  # it is no task, or has left its thread already
        yield
        return
    distributed.secede()
    try:
        yield
    finally:
        distributed.rejoin()


def _once(
    client: Any,
    homes: dict[str, list[int]],
    tree: Tree,
    shared: Any,
    then: Callable[..., Any] | None,
) -> Any:
    """Return the sum from workers that each have some of the chunks; an error leaves no task."""
    given = _scattered(client, shared)  # once for a worker, not with each task
    asked = [given]
    try:
        sums = {}
        for home, own in homes.items():
            sums[home] = client.compute(tree(own, given), workers=[home])
            asked.append(sums[home])
        here = client.direct_to_workers and then is None
        while len(sums) > (FAN if here else 1):
            groups = [list(sums)[i : i + FAN] for i in range(0, len(sums), FAN)]
            parts = [(group[0], [sums[home] for home in group]) for group in groups]
            sums = {home: client.submit(merged, *part, **_at(home)) for home, part in parts}
            asked += sums.values()
        last = list(sums.values())
        if then is not None:
            ((home, whole),) = sums.items()
            last = [client.submit(afterwards, then, whole, given, **_at(home))]
            asked += last
        first, *others = _answer(client, last, homes)
        return merged(first, *others) if others else first
    finally:
        for future in asked:  # an error, or who shows it, may hold this frame for long
            future.release()


def _scattered(client: Any, value: Any) -> Any:
    """Return the future of a value that a worker has, or raise Lost: none runs."""
    try:
        (future,) = client.scatter([value], hash=False, timeout=PATIENCE / TRIES)
    except TimeoutError as error:
        raise Lost(str(error)) from None
    return future


def _at(home: str) -> dict[str, Any]:
    return {"workers": [home], "pure": False}


def merged(first: Any, *others: Any) -> Any:
    """Return the sum of some."""
    return first.merge(*others)


def afterwards(then: Callable[..., Any], found: Any, given: tuple[Any, Sequence[Any]]) -> Any:
    """Return what is made of a sum, with what is shared beside a job."""
    return then(found, *given[1])


def _homes(
    threads: dict[str, int],
    held: dict[Any, Sequence[str]],
    keys: Sequence[Any],
    numbers: Sequence[int],
) -> dict[str, list[int]]:
    """Return which chunks each worker adds up."""
    homes: dict[str, list[int]] = {}
    free = []
    for i in numbers:
        holders = [home for home in held.get(keys[i], ()) if home in threads]
        if holders:
            homes.setdefault(min(holders, key=lambda h: len(homes.get(h, ()))), []).append(i)
        else:
            free.append(i)
    ends = np.cumsum([0, *threads.values()]) * len(free) / sum(threads.values())
    for home, low, high in zip(threads, ends[:-1], ends[1:], strict=True):
        if own := free[math.ceil(low) : math.ceil(high)]:
            homes.setdefault(home, []).extend(own)
    return homes


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


def _answer(client: Any, futures: list[Any], homes: Iterable[str]) -> Any:
    """Return what futures hold, or raise Lost: their rows wait for the workers they were given."""
    distributed = importlib.import_module("distributed")
    while True:
        try:
            distributed.wait(futures, timeout=LOOK)
        except TimeoutError:
            gone = set(homes) - set(_threads(client))
            if gone:
                raise Lost(", ".join(sorted(gone))) from None
        else:
            return client.gather(futures)


def _gone(client: Any) -> RuntimeError:
    return RuntimeError(
        f"The cluster of {client.scheduler.address if client.scheduler else client} has had no "
        f"worker for {PATIENCE:g} s, or lost all again and again, and rows are coded there. Start "
        "workers with more memory each, or fewer threads, and call again: with checkpoint= and "
        "resume=True learning goes on from where it was."
    )
