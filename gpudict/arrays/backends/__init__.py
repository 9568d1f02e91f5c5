"""The array libraries, a file each: what the array API standard leaves to them.

The standard fixes names and semantics, so nearly everything is written once. A file here ends in
its library's one row, `BACKEND`, and is found by its name, which is part of the name of the
library's namespace. An unknown library that conforms to the standard gets the row `STANDARD`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from gpudict.arrays.backends._contract import STANDARD, Backend, Namespace


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the libraries, NumPy's first."""
    files = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted((f for f in files if not f.startswith("_")), key=lambda f: f != "numpy"))


def named(name: str) -> Backend:
    """Return the row of a library of that name."""
    row: Backend = importlib.import_module(f"{__name__}.{name}").BACKEND
    return row


def rows() -> tuple[Backend, ...]:
    """Return the rows of all libraries."""
    return tuple(named(name) for name in names())


@functools.cache
def backend_of(xp: Namespace) -> Backend:
    """Return the row of the library that `xp` is the namespace of."""
    parts = xp.__name__.split(".")
    return next((named(part) for part in parts if part in names()), STANDARD)
