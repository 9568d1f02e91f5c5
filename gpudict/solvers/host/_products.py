"""Products of rows with atoms, by whom they are made sooner."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from gpudict.arrays.rows import fixed
from gpudict.arrays.threads import quiet

FEW = 2**20  # multiplications n·k·d of rows with atoms up to which BLAS is not worth its start
SMALL = 10**6  # multiplications up to which OpenBLAS reads rows as they lie, and copies none
ROWS = 16  # which it takes together, or some of them
SCARCE = 1 / 10  # of the entries of rows: of fewer that are not zero, products are made one by one
LOOK = 8  # rows of which one is looked at for that


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
    they come in parts of which it copies none, each read from memory once. Of rows that are mostly
    zero, as counts of genes or words are, it is what is not zero that is multiplied.
    """
    from gpudict.solvers.host.kernels import products

    n, few = len(X), len(X) * V.size <= FEW
    scarce = not few and n >= LOOK and _share(X[::LOOK]) < SCARCE
    part = n if few or scarce else rows_at_once(V) or n
    made = np.empty((n, len(V)), V.dtype) if out is None else out[:n]
    turned = V.T if part == n and not scarce else np.ascontiguousarray(V.T)
    for low in range(0, n, part):
        here = slice(low, low + part)
        x = np.ascontiguousarray(X[here], V.dtype)
        if squares is not None and not few:
            np.vecdot(x, x, out=squares[here])
        elif squares is not None:
            products.squares(fixed(x), squares)
        if few:
            products.products(fixed(x), fixed(V), False, made)
        elif scarce:
            products.scarce(x, turned, made)
        else:
            np.matmul(x, turned, out=made[here])
    return made


def _share(X: np.ndarray) -> float:
    """Return how much of X is not zero."""
    return np.count_nonzero(X) / X.size


def rows_at_once(V: np.ndarray) -> int:
    """Return how many rows are multiplied with the atoms at once so that none is copied, or 0."""
    return SMALL // V.size // ROWS * ROWS
