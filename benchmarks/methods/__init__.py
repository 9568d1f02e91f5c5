"""The competitors, one module each, found by file name.

A method has `LIBRARY`, the module that it needs, and `prepare(X, V, dtype)`, outside the clock,
that puts the data as the library likes it. What it returns has `encode(alpha, threads)` and
`omp(n_nonzero, threads)`, whose results are (n, k) arrays or what `dense` makes one of, and None in
place of what the library can't do.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple


class Prepared(NamedTuple):
    """A method with its data in place; `dense` makes codes (n, k) of a result, off the clock."""

    encode: Callable[[float, int], Any]
    omp: Callable[[int, int], Any] | None
    dense: Callable[[Any], Any] = lambda codes: codes


def names() -> tuple[str, ...]:
    """Return the names of the methods."""
    return tuple(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(name: str) -> ModuleType | str:
    """Return the method's module, or a sentence on why it can't run here."""
    module = importlib.import_module(f"benchmarks.methods.{name}")
    if importlib.util.find_spec(module.LIBRARY) is None:
        return f"{name} is left out: {module.LIBRARY} is not installed"
    return module
