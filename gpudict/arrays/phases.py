"""What is being done, in a word, for who watches: a profiler, a counter of launches.

    with phase("rounds"):
        ...                 # here `current()` is "rounds"

The innermost word counts. Nothing in the package depends on it.
"""

from __future__ import annotations

from contextvars import ContextVar, Token

_NOW: ContextVar[str] = ContextVar("phase", default="")


class phase:
    """The context in which something is done."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.token: Token[str] | None = None

    def __enter__(self) -> None:
        self.token = _NOW.set(self.name)

    def __exit__(self, *error: object) -> None:
        assert self.token is not None
        _NOW.reset(self.token)


def current() -> str:
    """Return the word for what is being done in this context; empty outside any."""
    return _NOW.get()
