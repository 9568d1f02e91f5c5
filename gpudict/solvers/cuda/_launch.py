"""How the CUDA kernels are put together, compiled and launched, a warp a row.

All stand on `warp.cuh` (what 32 lanes do together), `lasso.cu` and `pursuit.cu` on `active.cuh`
(the active set) too. They are compiled for the device at hand when they are first used, for a
dtype, and these two for 32 or 64 places of a row's active set, and for numbers of atoms that 8 or 4
divides or not. Arrays are taken in place, and on the stream that is current for their library.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np

from gpudict.arrays.door import (
    Array,
    array_namespace,
    bytes_each,
    launcher,
)
from gpudict.objective.penalties.l1 import SumOfSizes
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.constants import LASSO, PURSUIT, SPHERE, STATUS, SUMS

LANES = 32
SHARED = 2**15  # bytes of a block: what every device has without asking
WARPS = 8  # of a block at most
SOLVED, CROWDED, UNSETTLED = range(len(STATUS))


@functools.cache
def source(name: str) -> str:
    """Return the CUDA C of a kernel, whole: what its files include stands before them."""
    files, last = [f"{name}.cu"], ""
    while included := re.search(r'#include "(.*)"', last := _text(files[0])):
        files.insert(0, included[1])
    head = f'#line 1 "{files[0]}"\n{last}\n#line 1 "constants"\n{constants(name)}'
    rest = (f'#line 1 "{file}"\n{_text(file)}' for file in files[1:])
    return re.sub('#include "', '// "', "\n".join((head, *rest)))


def _text(file: str) -> str:
    from pathlib import Path

    return _bare((Path(__file__).parent / "kernels" / file).read_text("utf-8"))


def _bare(code: str) -> str:
    """Return CUDA C without comments, whose letters some compilers don't read."""
    code = re.sub(r"//.*", "", code)
    assert code.isascii()
    return code


def constants(name: str) -> str:
    """Return the constants of a kernel in CUDA C."""
    table: Any = {"lasso": LASSO, "pursuit": PURSUIT, "sphere": SPHERE}.get(name)
    if table is None:
        return f"constexpr int SUMS = {SUMS};\n"
    lines = [f"enum Status {{ {', '.join(STATUS)} }};"]
    single, double = (table[dtype]._asdict() for dtype in ("float32", "float64"))
    for word, value in double.items():
        if isinstance(value, int):
            lines.append(f"constexpr int {word} = {value};")
        else:
            choice = f"sizeof(real) == 4 ? {single[word]!r} : {value!r}"
            lines.append(f"constexpr real {word} = real({choice});")
    return "\n".join(lines) + "\n"


def options(real: str, slots: int, width: int) -> tuple[str, ...]:
    """Return how a kernel is compiled: the type of its numbers, places / 32, atoms a load."""
    return ("-std=c++17", f"-DREAL={real}", f"-DSLOTS={slots}", f"-DWIDTH={width}")


def launch(
    name: str,
    like: Array,
    arguments: tuple[Any, ...],
    *,
    slots: int = 1,
    width: int = 1,
    shared: int = 0,
) -> None:
    """Run a kernel for each row of `like` (n, …), with so many bytes of shared memory for each."""
    start = launcher(like)
    assert start is not None
    warps = min(WARPS, SHARED // shared) if shared else WARPS
    chosen = options("float" if bytes_each(like) == 4 else "double", slots, width)
    blocks = -(-like.shape[0] // warps)
    start(source(name), name, chosen, (blocks, warps * LANES, warps * shared), arguments)


def _over_atoms(name: str, cov: Array, slots: int, arguments: tuple[Any, ...]) -> None:
    """Run a kernel with an active set for each row of cov (n, k)."""
    size, k = bytes_each(cov), cov.shape[1]
    width = next(w for w in (8 if size == 4 else 4, 4, 1) if k % w == 0)  # atoms of 16 or 32 bytes
    launch(name, cov, arguments, slots=slots, width=width, shared=(LANES * slots) ** 2 * size)


def lasso(
    q: Quadratic, penalty: SumOfSizes, start: Array, *, slots: tuple[int, ...], rounds: int
) -> tuple[Array, Array, Array]:
    """Solve each row of q from its codes `start`; return the codes, gaps (n,) and status (n,).

    With slots of 32 places, and those rows for which they are too few anew with the next. The Gram
    is that of all atoms, (k, k), or one for each row, (n, k, k).
    """
    assert q.gram is not None
    xp, (n, k) = array_namespace(q.cov), q.cov.shape
    Z = xp.zeros((n, k), dtype=q.cov.dtype, device=q.cov.device)  # rows contiguous
    gap = xp.empty((n,), dtype=q.cov.dtype, device=q.cov.device)
    status = xp.empty((n,), dtype=xp.int32, device=q.cov.device)
    diagonals = xp.reshape(q.gram, (-1, k * k))[:, :: k + 1]
    longest = xp.reshape(xp.max(diagonals), (1,))
    arrays = (q.gram, q.cov, q.sq, penalty.alphas(q.sq), longest, start, Z, gap, status)
    numbers = ints(n, k, q.gram.ndim == 3, penalty.positive, rounds)
    for some in slots:
        crowd = ints(some != slots[0], some != slots[-1])
        _over_atoms("lasso", q.cov, some, (*arrays, *numbers, *crowd))
    return Z, gap, status


def pursuit(q: Quadratic, most: int, target: float, *, slots: int) -> tuple[Array, Array]:
    """Pursue each row of q; return the codes and the squared errors (n,), NaN where it gave up."""
    assert q.gram is not None
    xp, (n, k) = array_namespace(q.cov), q.cov.shape
    Z = xp.zeros((n, k), dtype=q.cov.dtype, device=q.cov.device)
    error = xp.empty((n,), dtype=q.cov.dtype, device=q.cov.device)
    arguments = (q.gram, q.cov, q.sq, Z, error, *ints(n, k, most), np.float64(target))
    _over_atoms("pursuit", q.cov, slots, arguments)
    return Z, error


def ints(*values: int) -> tuple[np.int32, ...]:
    """Return numbers as the kernels take them: Python's own have no fixed width."""
    return tuple(np.int32(v) for v in values)
