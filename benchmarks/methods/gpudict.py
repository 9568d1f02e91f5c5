"""gpudict's portable path, at the tolerance that the run asks for."""

from __future__ import annotations

import numpy as np

import gpudict
from benchmarks.methods import Prepared

LIBRARY = "gpudict"
TOL = 1e-6


def prepare(X: np.ndarray, V: np.ndarray, dtype: str) -> Prepared:
    """Convert the dtype."""
    X, V = X.astype(dtype), V.astype(dtype)
    return Prepared(
        lambda alpha, threads: gpudict.encode(X, V, alpha=alpha, tol=TOL, n_jobs=threads).Z,
        lambda m, threads: gpudict.encode(X, V, n_nonzero_coefs=m, n_jobs=threads).Z,
    )
