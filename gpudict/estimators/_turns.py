"""One thread at a time learns in an estimator: a lock for each, which is no part of it.

A step of learning reads the state, works, and writes it: of two at once, one would be lost. The
locks are kept beside the estimators, so nothing of them is copied, cloned, pickled or saved.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from threading import Lock, RLock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Method = TypeVar("Method", bound=Callable[..., Any])


class _Turns:
    """The locks; each may be taken again by the thread that has it, as a callback would."""

    def __init__(self) -> None:
        self.lock, self.known = Lock(), WeakKeyDictionary[Any, Any]()

    def of(self, estimator: Any) -> Any:
        """Return the lock of an estimator, the same one each time."""
        with self.lock:
            return self.known.setdefault(estimator, RLock())


TURNS = _Turns()


def in_turn(method: Method) -> Method:
    """Let a method of an estimator wait for those of other threads in the same one."""

    @functools.wraps(method)
    def waiting(self: Any, *arguments: Any, **options: Any) -> Any:
        with TURNS.of(self):
            return method(self, *arguments, **options)

    return waiting  # type: ignore[return-value]


if hasattr(os, "register_at_fork"):  # of a child's threads there is one, and it waits for none
    os.register_at_fork(after_in_child=TURNS.__init__)  # type: ignore[misc]
