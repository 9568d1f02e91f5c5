"""The row solvers on CUDA devices, in CUDA C: a warp a row, by the algorithms of the host.

`lasso.cu` and `pursuit.cu` stand on `active.cuh` (the active set) and `warp.cuh` (what 32 lanes do
together). They are compiled for the device at hand when they are first used, for a dtype, for 32 or
64 places of a row's active set, and for numbers of atoms that 8 or 4
divides or not; CuPy keeps what it
compiled on disk. CuPy arrays are taken as they are, PyTorch's through CuPy, in place and on their
own stream.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from gpudict._array import Array, array_namespace, launcher
from gpudict.quadratic import Quadratic

LANES = 32
SHARED = 2**15  # bytes of a block: what every device has without asking
SOLVED, CROWDED, UNSETTLED = range(3)  # the status of a row; crowded: it needs more places


def usable(like: Array) -> bool:
    """Whether these kernels can run where the array is."""
    return launcher(like) is not None


@functools.cache
def source(name: str) -> str:
    """Return the CUDA C of a kernel, whole."""
    files = ("warp.cuh", "active.cuh", f"{name}.cu")
    folder = Path(__file__).parent
    return "\n".join(f'#line 1 "{f}"\n{(folder / f).read_text("utf-8")}' for f in files)


def options(real: str, slots: int, width: int) -> tuple[str, ...]:
    """Return how a kernel is compiled: the type of its numbers, places / 32, atoms a load."""
    return ("-std=c++17", f"-DREAL={real}", f"-DSLOTS={slots}", f"-DWIDTH={width}")


def launch(name: str, like: Array, k: int, slots: int, arguments: tuple[Any, ...]) -> None:
    """Run a kernel for each row of `like` (n, …), over k atoms."""
    start = launcher(like)
    assert start is not None
    size = array_namespace(like).finfo(like.dtype).bits // 8
    warps = SHARED // ((LANES * slots) ** 2 * size)
    width = next(w for w in (8 if size == 4 else 4, 4, 1) if k % w == 0)  # atoms of 16 or 32 bytes
    how = options("float" if size == 4 else "double", slots, width)
    blocks = -(-like.shape[0] // warps)
    start(source(name), name, how, (blocks, warps * LANES, SHARED), arguments)


def lasso(
    q: Quadratic, alpha: float, positive: bool, start: Array, *, slots: int, rounds: int
) -> tuple[Array, Array, Array]:
    """Solve each row of q from its codes `start`; return the codes, gaps (n,) and status (n,)."""
    assert q.gram is not None
    xp, (n, k) = array_namespace(q.cov), q.cov.shape
    Z = xp.zeros((n, k), dtype=q.cov.dtype, device=q.cov.device)  # rows contiguous
    gap = xp.empty_like(q.sq)
    status = xp.empty((n,), dtype=xp.int32, device=q.cov.device)
    apart = q.gram.ndim == 3
    longest = xp.sqrt(xp.max(xp.reshape(q.gram, (1, -1)), axis=1))  # it is on the diagonal
    arrays = (q.gram, q.cov, q.sq, xp.full_like(q.sq, alpha), longest, start, Z, gap, status)
    launch("lasso", q.cov, k, slots, (*arrays, *_ints(n, k, apart, positive, rounds)))
    return Z, gap, status


def pursuit(q: Quadratic, most: int, target: float, *, slots: int) -> tuple[Array, Array]:
    """Pursue each row of q; return the codes and the squared errors (n,), NaN where it gave up."""
    assert q.gram is not None
    xp, (n, k) = array_namespace(q.cov), q.cov.shape
    Z = xp.zeros((n, k), dtype=q.cov.dtype, device=q.cov.device)
    rest = xp.empty_like(q.sq)
    arguments = (q.gram, q.cov, q.sq, Z, rest, *_ints(n, k, most), np.float64(target))
    launch("pursuit", q.cov, k, slots, arguments)
    return Z, rest


def _ints(*values: int) -> tuple[np.int32, ...]:
    """Return numbers as the kernels take them: Python's own have no fixed width."""
    return tuple(np.int32(v) for v in values)
