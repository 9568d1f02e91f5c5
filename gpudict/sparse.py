"""Codes as sparse matrices in compressed rows, without a dense (n, k) in between.

What is counted and stacked stays where the data is; the matrix is the library's own: SciPy's for
NumPy, PyTorch's, or CuPy's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from gpudict._array import Array, array_namespace, csr_matrix, csr_parts, from_host


class Rows(NamedTuple):
    """Rows in compressed form: values and columns (nnz,), and how many each row has, (b,)."""

    values: Array
    columns: Array
    counts: Array

    @classmethod
    def of(cls, Z: Array) -> Rows:
        """Return the non-zeros of a dense batch (b, k)."""
        return cls(*csr_parts(Z))


def stacked(parts: Iterable[Rows], k: int, like: Array | None = None) -> Any:
    """Return the rows of all parts as one matrix (n, k) of their library, or of `like`."""
    columns = list(zip(*parts, strict=True))
    xp = array_namespace(columns[0][0])
    values, index, counts = (xp.concat(column) for column in columns)
    ends = xp.cumulative_sum(xp.astype(counts, xp.int64), include_initial=True)
    shape = (int(counts.shape[0]), k)
    if like is not None:
        values, index, ends = (from_host(a, like) for a in (values, index, ends))
    return csr_matrix(values, index, ends, shape)
