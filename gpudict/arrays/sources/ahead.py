"""Items made ahead of their use, on a thread, so that reading and computing go on side by side."""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item], most: int = 2) -> Iterator[Item]:
    """Yield the items in order, while a thread makes up to `most` of the next ones.

    What it raises is raised here. Once this generator is closed, or given up, it makes no other.
    """
    asked: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[tuple[list[Item], BaseException | None]] = SimpleQueue()
    start_new_thread(copy_context().run, (_make, iter(items), asked, made))
    for _ in range(most):
        asked.put(True)
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if not item:
                return
            yield item.pop()  # nothing here holds it while it is used
            asked.put(True)
    finally:
        asked.put(False)


def _make(walk: Iterator[Any], asked: SimpleQueue[bool], made: SimpleQueue[Any]) -> None:
    """Make an item each time one is asked for, until it is said that none is needed."""
    try:
        while asked.get():
            item = next(walk, _END)
            made.put(([] if item is _END else [item], None))
            del item
    except BaseException as error:
        made.put(([], error))


_END = object()
