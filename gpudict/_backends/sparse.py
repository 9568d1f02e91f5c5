"""Sparse matrices in compressed rows, as each library has them: made, and out of dense rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

Array = Any


def numpy_csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the matrix of SciPy."""
    from scipy.sparse import csr_array

    return csr_array((values, columns, ends), shape=shape)


def numpy_csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return the ends of the rows, and columns and values of the non-zeros."""
    rows, columns = np.nonzero(Z)
    ends = np.searchsorted(rows, np.arange(len(Z) + 1))
    return ends, columns.astype(np.int32), Z[rows, columns]


def torch_csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the matrix of PyTorch."""
    import torch

    parts = (ends, columns.to(torch.int64), values)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(*parts, size=shape, check_invariants=False)


def torch_csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return the ends of the rows, and columns and values of the non-zeros."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        sparse = Z.to_sparse_csr()
    return sparse.crow_indices(), sparse.col_indices(), sparse.values()


def cupy_csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the matrix of CuPy."""
    from cupyx.scipy.sparse import csr_matrix

    return csr_matrix((values, columns, ends), shape=shape)


def cupy_csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return the ends of the rows, and columns and values of the non-zeros."""
    from cupyx.scipy.sparse import csr_matrix

    sparse = csr_matrix(Z)
    return sparse.indptr, sparse.indices, sparse.data
