"""Tables of HDF5 files: a dataset, and X of AnnData's .h5ad, dense or in compressed rows.

The layout of AnnData: https://anndata.readthedocs.io/en/stable/fileformat-prose.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gpudict.arrays.sources import sliced
from gpudict.arrays.sources.named import chosen, two
from gpudict.arrays.sources.table import Table


def h5(path: Path, name: str | None) -> Table:
    """Return the rows of a dataset, by its name where there is more than one."""
    import h5py

    file = h5py.File(path, "r")
    found: list[str] = []
    file.visititems(lambda at, x: found.append(at) if isinstance(x, h5py.Dataset) else None)
    return _dataset(file[chosen(found, path, name)], path)


def h5ad(path: Path, name: str | None) -> Table:
    """Return the rows of X, or of another matrix by its name, such as layers/counts."""
    import h5py

    file, name = h5py.File(path, "r"), name or "X"
    if name not in file:
        raise ValueError(f"{path} has no {name}. Pass {path}:layers/NAME of a matrix that it has.")
    x = file[name]
    return _dataset(x, path) if isinstance(x, h5py.Dataset) else _compressed(x, path)


def _dataset(x: Any, path: Path) -> Table:
    return sliced.table(two(x, path))._replace(name=f"{path}:{x.name.strip('/')}")


def _compressed(group: Any, path: Path) -> Table:
    """Return rows that are made dense as they are read."""
    from scipy.sparse import csr_array

    name, kind = f"{path}:{group.name.strip('/')}", group.attrs.get("encoding-type")
    if kind != "csr_matrix":
        raise ValueError(
            f"{name} is a {kind or 'group'}, and an array or a csr_matrix is needed. Write it anew "
            "with X = X.tocsr()."
        )
    n, d = (int(size) for size in group.attrs["shape"])
    starts, columns, values = group["indptr"][:], group["indices"], group["data"]

    def read(low: int, high: int) -> np.ndarray:
        cut, some = slice(starts[low], starts[high]), starts[low : high + 1] - starts[low]
        rows = csr_array((values[cut], columns[cut], some), shape=(high - low, d))
        return np.asarray(rows.toarray())

    return Table(name, (n, d), values.dtype, read)
