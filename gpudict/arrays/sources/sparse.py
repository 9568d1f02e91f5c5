"""Tables of SciPy's sparse matrices, in memory or mapped: a batch is made dense, never more."""

from __future__ import annotations

from pathlib import Path
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


def folder(path: Path, _: str | None) -> Table:
    """Return the rows of a matrix that `growing` wrote, of which nothing is read yet."""
    from scipy.sparse import csr_array

    arrays = ("data", "indices", "indptr", "shape")
    *parts, shape = (np.load(path / f"{name}.npy", mmap_mode="r") for name in arrays)
    return table(csr_array(tuple(parts), shape=tuple(shape.tolist())))._replace(name=str(path))
