"""The solvers, one module each, found by file name.

`cd` is not a file: it is the promise of the fastest certified coordinate-style solver for the
array at hand. Today that is `working_set` everywhere; a compiled path takes over here.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from gpudict._array import Array


def names() -> tuple[str, ...]:
    """Return the names of the row-wise solvers, `cd` first."""
    files = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return ("cd", *(name for name in files if not name.startswith("sphere_")))


def find(name: str, like: Array | None = None) -> ModuleType:
    """Return the solver of that name, for arrays such as `like`.

    Raises
    ------
    ValueError
        There is no such solver; the message lists those that there are.
    """
    if name not in names() and not name.startswith("sphere_"):
        raise ValueError(f"Unknown solver {name!r}: pass one of {', '.join(names())}.")
    return importlib.import_module(f"gpudict.solvers.{_fastest(like) if name == 'cd' else name}")


def _fastest(like: Array | None) -> str:
    """Return the coordinate-style solver for this array: the seam for the compiled paths."""
    return "working_set"
