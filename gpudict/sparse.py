"""Codes in compressed rows, without a dense (n, k) in between.

What is counted and stacked stays where the data is; the matrix is the library's own: SciPy's for
NumPy, PyTorch's, or CuPy's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from gpudict._array import Array, array_namespace, from_host, is_numpy
from gpudict._backends import backend_of


class Rows(NamedTuple):
    """Rows of codes one after another: row i has the places ends[i] to ends[i + 1].

    Attributes
    ----------
    ends : (n + 1,)
    columns, values : (nnz,), the columns rising within a row
    """

    ends: Array
    columns: Array
    values: Array

    @classmethod
    def of(cls, Z: Array) -> Rows:
        """Return the non-zeros of a dense batch (b, k)."""
        take_apart = backend_of(array_namespace(Z)).csr_parts
        assert take_apart is not None
        return cls(*take_apart(Z))

    def cut(self, here: slice) -> Rows:
        """Return the rows of a slice; on the host."""
        ends = self.ends[here.start : here.stop + 1]
        part = slice(ends[0], ends[-1])
        return Rows(ends - ends[0], self.columns[part], self.values[part])

    def matrix(self, k: int, like: Array) -> Any:
        """Return the matrix (n, k) of the library of `like`; rows of the host move there."""
        parts = [from_host(a, like) if is_numpy(a) else a for a in self]
        ends, columns, values = parts
        make = backend_of(array_namespace(values)).csr
        assert make is not None
        return make(values, columns, ends, (int(ends.shape[0]) - 1, k))


def stacked(parts: Iterable[Rows]) -> Rows:
    """Return the rows of all parts."""
    ends, columns, values = zip(*parts, strict=True)
    xp = array_namespace(ends[0])
    counts = [xp.astype(e[1:] - e[:-1], xp.int64) for e in ends]
    whole = xp.cumulative_sum(xp.concat(counts), include_initial=True)
    return Rows(whole, xp.concat(columns), xp.concat(values))
