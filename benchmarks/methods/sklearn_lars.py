"""scikit-learn's homotopy, its default for `sparse_encode`."""

from __future__ import annotations

import numpy as np

from benchmarks.methods import Prepared, sklearn_cd

LIBRARY = "sklearn"


def prepare(X: np.ndarray, V: np.ndarray, dtype: str) -> Prepared:
    """As coordinate descent, with the other algorithm and no pursuit of its own."""
    return sklearn_cd.prepare(X, V, dtype, "lasso_lars")._replace(omp=None)
