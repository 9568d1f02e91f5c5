"""Products of rows with atoms, by whom they are made sooner."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from gpudict.arrays.threads import quiet

FEW = 2**20  # multiplications n·k·d of rows with atoms up to which BLAS is not worth its start


def calm(work: int) -> AbstractContextManager[Any]:
    """Return the context of products of so many multiplications: one thread for BLAS, if any."""
    return quiet() if work > FEW else nullcontext()


def product(X: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Return X Vᵀ; of little work not by BLAS, whose threads would first have to be stopped."""
    from gpudict.solvers.host.kernels import products

    if len(X) * V.size > FEW:
        return np.asarray(X @ V.T)
    made = np.empty((len(X), len(V)), X.dtype)
    products.products(X, V, False, made)
    return made
