"""Codes in compressed rows, without a dense (n, k) in between.

What is counted and stacked stays where the data is; the matrix is the library's own: SciPy's for
NumPy, PyTorch's, or CuPy's. Rows of the host come from its compiled solvers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, csr, from_host, is_numpy, to_host


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
        kind = csr(Z)
        assert kind is not None
        return cls(*kind.parts(Z))

    @classmethod
    def blank(cls, b: int, most: int = 0) -> Rows:
        """Return b rows without codes on the host, with space for `most` in each."""
        space = b * most
        return cls(np.zeros(b + 1, np.int64), np.empty(space, np.int32), np.empty(space))

    def trimmed(self) -> Rows:
        """Return the rows without the space that they do not need, which is not let go."""
        end = self.ends[-1]
        return Rows(self.ends, self.columns[:end], self.values[:end])

    def kept(self, dtype: Any) -> Rows:
        """Return a copy, with values in a dtype: for one that was trimmed; on the host."""
        return Rows(self.ends, self.columns.copy(), self.values.astype(dtype))

    def cut(self, here: slice) -> Rows:
        """Return the rows of a slice; on the host."""
        if here == slice(0, len(self.ends) - 1):
            return self
        ends = self.ends[here.start : here.stop + 1]
        part = slice(ends[0], ends[-1])
        return Rows(ends - ends[0], self.columns[part], self.values[part])

    def astype(self, dtype: Any) -> Rows:
        """Return the rows with values in a dtype; on the host."""
        return Rows(self.ends, self.columns, self.values.astype(dtype, copy=False))

    def dense(self, k: int, into: np.ndarray | None = None) -> np.ndarray:
        """Return the dense rows (b, k) on the host; written into an array of zeros if given."""
        b = len(self.ends) - 1
        Z = np.zeros((b, k), self.values.dtype) if into is None else into
        of = 0 if b == 1 else np.repeat(np.arange(b), np.diff(self.ends))
        Z[of, self.columns] = self.values
        return Z

    def summed(self, values: np.ndarray) -> np.ndarray:
        """Return for each row the sum of its part of the values (nnz,), (n,); on the host."""
        ended = np.concatenate((values, np.zeros(1, values.dtype)))  # for the last rows are empty
        sums: np.ndarray = np.add.reduceat(ended, self.ends[:-1])
        sums[self.ends[1:] == self.ends[:-1]] = 0
        return sums

    def matrix(self, k: int, like: Array) -> Any:
        """Return the matrix (n, k) of the library of `like`; rows of the host move there."""
        ends, columns, values = (from_host(a, like) if is_numpy(a) else a for a in self)
        kind = csr(values)
        assert kind is not None
        return kind.make(values, columns, ends, (int(ends.shape[0]) - 1, k))


def stacked(parts: Iterable[Rows]) -> Rows:
    """Return the rows of all parts."""
    ends, columns, values = zip(*parts, strict=True)
    if len(ends) == 1 and isinstance(ends[0], np.ndarray):
        return Rows(ends[0], columns[0], values[0])
    xp = array_namespace(ends[0])
    counts = [xp.astype(e[1:] - e[:-1], xp.int64) for e in ends]
    whole = xp.cumulative_sum(xp.concat(counts), include_initial=True)
    return Rows(whole, xp.concat(columns), xp.concat(values))


def wide(x: Any) -> np.ndarray:
    """Return x as a float64 array of NumPy's, rows contiguous; in place where it is one."""
    return np.ascontiguousarray(to_host(x), dtype=np.float64)


def fixed(x: np.ndarray) -> np.ndarray:
    """Return x as an array that can't be written: those that can are other types to compile for."""
    view = x[...]
    view.setflags(write=False)
    return view
