"""Warnings, at the line of the user's that called the library."""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar

_HEARD: ContextVar[list[tuple[float, str]] | None] = ContextVar("heard", default=None)


def say(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the library."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(("gpudict.", "sklearn.")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level + 1)


def say_if_all(message: str, rank: float = 0.0) -> None:
    """Warn of what is so of some rows; of rows in batches once, if it is so of each batch.

    Of a batch of which it is not so, the message is empty; of all messages the one of the highest
    rank is said.
    """
    heard = _HEARD.get()
    if heard is not None:
        heard.append((rank, message))
    elif message:
        say(message)


class in_batches_saying:
    """Rows come in batches: hear what is so of each, and say at the end what is so of all."""

    def __enter__(self) -> None:
        self.heard: list[tuple[float, str]] = []
        self.token = _HEARD.set(self.heard)

    def __exit__(self, kind: object, *_: object) -> None:
        _HEARD.reset(self.token)
        if kind is None and self.heard and all(message for _, message in self.heard):
            say(max(self.heard)[1])
