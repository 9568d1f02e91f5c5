"""The solvers, one module each, found by file name.

Three names stand for the fastest solver of their kind for the array at hand. `cd`, which is not a
file, is the certified coordinate-style lasso: `active_set`, compiled, for arrays on the host, and
`working_set` everywhere else. `omp` and `sphere_sweep` are `batch_omp` and `sphere_blocks` on the
host, and themselves everywhere else.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType

from gpudict import kernels
from gpudict._array import Array, on_host
from gpudict.quadratic import GRAM_LIMIT

PURSUITS = ("omp", "batch_omp")  # and lars, which solves the lasso too
FASTEST = {
    "cd": ("working_set", "active_set"),
    "omp": ("omp", "batch_omp"),
    "sphere_sweep": ("sphere_sweep", "sphere_blocks"),
}


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the row-wise solvers, `cd` first."""
    files = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return ("cd", *(name for name in files if not name.startswith("sphere_")))


def find(name: str, like: Array | None = None, k: int = 0) -> ModuleType:
    """Return the solver of that name, for arrays such as `like` and k atoms.

    Raises
    ------
    ValueError
        There is no such solver, or none for this array; the message lists those that there are.
    """
    if name not in names() and not name.startswith("sphere_"):
        raise ValueError(f"Unknown solver {name!r}: pass one of {', '.join(names())}.")
    portable, compiled = FASTEST.get(name, (name, name))
    host = like is not None and on_host(like) and k <= GRAM_LIMIT and kernels.usable()
    solver = importlib.import_module(f"gpudict.solvers.{compiled if host else portable}")
    if like is not None and not host and hasattr(solver, "COMPILED"):
        others = ", ".join(n for n in FASTEST if n in names())
        raise ValueError(
            f"solver={name!r} is compiled, for arrays on the host and at most {GRAM_LIMIT} atoms, "
            f"and runs neither elsewhere nor without numba. Pass one of {others}."
        )
    return solver
