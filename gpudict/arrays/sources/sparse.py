"""Tables of SciPy's sparse matrices: a batch of rows is made dense, and never more."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays.sources.table import Table


def takes(x: Any) -> bool:
    """Whether x is a sparse matrix of SciPy's."""
    return hasattr(x, "tocsr") and type(x).__module__.startswith("scipy.sparse")


def table(x: Any) -> Table:
    """Return the rows of x; one that is not in compressed rows is copied into them."""
    rows = x.tocsr()

    def read(low: int, high: int) -> np.ndarray:
        return np.asarray(rows[low:high].toarray())

    n, d = rows.shape
    return Table(f"a {type(x).__name__}", (int(n), int(d)), rows.dtype, read)
