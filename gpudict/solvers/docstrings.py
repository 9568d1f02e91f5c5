"""Lists of names in docstrings, written there from the registry when a function is defined."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

WIDTH = 100  # of a docstring's lines
Documented = TypeVar("Documented", bound=Callable[..., Any])


def documented(**lists: Callable[[], tuple[str, ...]]) -> Callable[[Documented], Documented]:
    """Write lists of names into a docstring, each in the place of its <word>."""

    def written(described: Documented) -> Documented:
        lines = (described.__doc__ or "").split("\n")
        for word, names in lists.items():
            text = ", ".join(map(repr, names()))
            lines = [part for line in lines for part in _filled(line, f"<{word}>", text)]
        described.__doc__ = "\n".join(lines)
        return described

    return written


def _filled(line: str, mark: str, text: str) -> list[str]:
    """Return a line with the text in the place of its mark, wrapped where that makes it long."""
    if mark not in line:
        return [line]
    indent = re.match(" *", line)[0]  # type: ignore[index]
    return textwrap.wrap(
        line.strip().replace(mark, text), WIDTH, initial_indent=indent, subsequent_indent=indent
    )
