"""One array of numbers of a file that may have several: which one it is, and what is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def chosen(names: Sequence[str], path: Path, name: str | None = None) -> str:
    """Return the name of the array that was asked for, the only one, or the one that is named X."""
    if name is not None:
        if name in names:
            return name
        raise ValueError(
            f"{path} has no array {name!r}, but {_some(names)}. Pass {path}:NAME of one of them."
        )
    if len(names) == 1 or "X" in names:
        return names[0] if len(names) == 1 else "X"
    raise ValueError(
        f"{path} has {len(names)} arrays ({_some(names)}), and one, or one named X, is "
        f"needed. Pass {path}:NAME of one of them, or write the data into a file of their own."
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "") or "none"


def unread(path: Path | str, what: str) -> ValueError:
    """Return the error of what is no array of numbers that NumPy has."""
    return ValueError(
        f"{path} has {what}, and integers or floats of 16 to 64 bits are needed. Write those that "
        "are data into a file of their own, in one of these types."
    )


def two(x: Any, path: Path) -> Any:
    """Return what was found in a file if it has rows and columns."""
    shape = tuple(x.get_shape() if hasattr(x, "get_shape") else x.shape)
    if len(shape) != 2:
        raise ValueError(
            f"{path} has an array of the shape {shape}, and one of two dimensions is needed, a "
            "sample a row. Reshape it before it is written."
        )
    return x
