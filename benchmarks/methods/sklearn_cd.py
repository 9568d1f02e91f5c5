"""scikit-learn's coordinate descent, as `sparse_encode` calls it: one thread, plus BLAS's."""

from __future__ import annotations

import numpy as np

from benchmarks.methods import Prepared

LIBRARY = "sklearn"


def prepare(X: np.ndarray, V: np.ndarray, dtype: str, algorithm: str = "lasso_cd") -> Prepared:
    """Convert the dtype; its n_jobs are processes and slow it down, so it keeps to one."""
    from sklearn.decomposition import sparse_encode

    X, V = X.astype(dtype), V.astype(dtype)
    return Prepared(
        lambda alpha, threads: sparse_encode(X, V, algorithm=algorithm, alpha=alpha),
        lambda m, threads: sparse_encode(X, V, algorithm="omp", n_nonzero_coefs=m),
    )
