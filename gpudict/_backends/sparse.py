"""Sparse matrices in compressed rows, as each library has them: made, and out of dense rows."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def numpy_csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the matrix of SciPy."""
    from scipy.sparse import csr_array

    return csr_array((values, columns, ends), shape=shape)


def numpy_csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return values and columns of the non-zeros, and the number in each row."""
    rows, columns = np.nonzero(Z)
    return Z[rows, columns], columns.astype(np.int32), np.bincount(rows, minlength=len(Z))


def torch_csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the matrix of PyTorch."""
    import torch

    parts = (ends, columns.to(torch.int64), values)
    return torch.sparse_csr_tensor(*parts, size=shape, check_invariants=False)


def torch_csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return values and columns of the non-zeros, and the number in each row."""
    sparse = Z.to_sparse_csr()
    return sparse.values(), sparse.col_indices(), sparse.crow_indices().diff()


def cupy_csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the matrix of CuPy."""
    from cupyx.scipy.sparse import csr_matrix

    return csr_matrix((values, columns, ends), shape=shape)


def cupy_csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return values and columns of the non-zeros, and the number in each row."""
    from cupyx.scipy.sparse import csr_matrix

    sparse = csr_matrix(Z)
    return sparse.data, sparse.indices, sparse.indptr[1:] - sparse.indptr[:-1]
