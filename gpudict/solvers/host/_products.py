"""Products of rows with atoms, by whom they are made sooner."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from gpudict.arrays.threads import quiet

FEW = 2**20  # multiplications n·k·d of rows with atoms up to which BLAS is not worth its start
SMALL = 10**6  # multiplications up to which OpenBLAS reads rows as they lie, and copies none
ROWS = 16  # which it takes together, or some of them


def calm(work: int) -> AbstractContextManager[Any]:
    """Return the context of products of so many multiplications: one thread for BLAS, if any."""
    return quiet() if work > FEW else nullcontext()


def product(
    X: np.ndarray,
    V: np.ndarray,
    squares: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return X Vᵀ in the dtype of V, and write ‖x‖² of each row into the squares (n,), if given.

    It is written into the first rows of `out` (≥ n, k), if given.
    Of little work not by BLAS, whose threads would first have to be stopped. To copy the rows takes
    BLAS as long as to multiply them with some 30 atoms: while the atoms are few enough for that,
    they come in parts of which it copies none, each read from memory once.
    """
    from gpudict.solvers.host.kernels import products

    n, few = len(X), len(X) * V.size <= FEW
    part = n if few else rows_at_once(V) or n
    made = np.empty((n, len(V)), V.dtype) if out is None else out[:n]
    turned = V.T if part == n else np.ascontiguousarray(V.T)
    for low in range(0, n, part):
        here = slice(low, low + part)
        x = np.ascontiguousarray(X[here], V.dtype)
        if squares is not None:
            np.vecdot(x, x, out=squares[here])
        if few:
            products.products(x, V, False, made)
        else:
            np.matmul(x, turned, out=made[here])
    return made


def rows_at_once(V: np.ndarray) -> int:
    """Return how many rows are multiplied with the atoms at once so that none is copied, or 0."""
    return SMALL // V.size // ROWS * ROWS
