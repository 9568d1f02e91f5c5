"""The solvers, one module each, found by file name.

Three names stand for the fastest solver of their kind for the array at hand. `cd`, which is not a
file, is the certified coordinate-style lasso: `active_set`, compiled, for arrays on the host,
`warp_active_set` on CUDA devices (`warp_working_set` where no Gram of all atoms is kept), and
`working_set` everywhere else. `omp` and `sphere_sweep` have faster forms too, and are themselves
everywhere else.

A compiled solver says in COMPILED for which place it is, and one for CUDA in FALLBACK which solver
finishes the rows that it leaves.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType

from gpudict import kernels
from gpudict._array import Array, on_host
from gpudict.quadratic import GRAM_LIMIT, WARP_GRAM_LIMIT, gram_limit

PURSUITS = ("omp", "batch_omp", "warp_omp")  # and lars, which solves the lasso too
FASTEST = {  # by place: the host, a CUDA device, and one with too many atoms for their Gram
    "cd": {
        "host": "active_set",
        "cuda": "warp_active_set",
        "many": "warp_working_set",
        "": "working_set",
    },
    "omp": {"host": "batch_omp", "cuda": "warp_omp"},
    "sphere_sweep": {"host": "sphere_blocks"},
}


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the row-wise solvers, `cd` first."""
    files = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return ("cd", *(name for name in files if not name.startswith("sphere_")))


def place(like: Array | None, k: int) -> str:
    """Return where compiled solvers for such arrays and k atoms run; empty if nowhere."""
    if like is None or not kernels.allowed():
        return ""
    small = k <= gram_limit(like)
    if on_host(like):
        return "host" if small and kernels.usable() else ""
    from gpudict.kernels import cuda

    return ("cuda" if small else "many") if cuda.usable(like) else ""


def find(name: str, like: Array | None = None, k: int = 0) -> ModuleType:
    """Return the solver of that name, for arrays such as `like` and k atoms.

    Raises
    ------
    ValueError
        There is no such solver, or none for this array; the message lists those that there are.
    """
    if name not in names() and not name.startswith("sphere_"):
        raise ValueError(f"Unknown solver {name!r}: pass one of {', '.join(names())}.")
    here, kinds = place(like, k), FASTEST.get(name, {})
    solver = importlib.import_module(f"gpudict.solvers.{kinds.get(here) or kinds.get('', name)}")
    needs = getattr(solver, "COMPILED", here)
    if like is not None and needs != here:
        others = ", ".join(n for n in FASTEST if n in names())
        raise ValueError(
            f"solver={name!r} is compiled for {_NEEDS[needs]}, and runs nowhere else. "
            f"Pass one of {others}."
        )
    return solver


_NEEDS = {
    "host": f"arrays on the host and at most {GRAM_LIMIT} atoms, and needs numba",
    "cuda": f"arrays on a CUDA device and at most {WARP_GRAM_LIMIT} atoms, and needs CuPy",
    "many": f"arrays on a CUDA device and more than {WARP_GRAM_LIMIT} atoms, and needs CuPy",
}


def is_hosted(solver: ModuleType) -> bool:
    """Whether it is a compiled solver of the host."""
    return getattr(solver, "COMPILED", None) == "host"
