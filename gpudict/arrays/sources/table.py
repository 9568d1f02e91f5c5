"""The contract of what rows are read from: a table of a shape, read in slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays.door import is_array
from gpudict.arrays.leading import flat
from gpudict.arrays.plain import plain

EMPTY = (  # what is said of an iterable in the place of a table
    "X is an iterable that yielded no batch, and at least one is needed. An iterator can be walked "
    "once only: pass a new one, or a list."
)


class Table(NamedTuple):
    """Rows that are read in slices, wherever they are.

    Attributes
    ----------
    name : what errors call it
    shape : (n, d)
    dtype : NumPy's, of what is read
    read : (low, high) -> these rows, as an array of NumPy's of (high - low, d)
    chunk : rows that are read at once in any case, such as those of a chunk of a file
    """

    name: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    read: Callable[[int, int], np.ndarray]
    chunk: int = 1

    @property
    def row_bytes(self) -> int:
        """The bytes of a row."""
        return max(1, self.shape[1] * self.dtype.itemsize)

    def rows(self, low: int, high: int) -> np.ndarray:
        """Return the rows from low up to high, (high - low, d).

        An error of what is read from is raised with a note that names it and the rows.
        """
        where = f"rows {low} to {high} of {self.name}"
        try:
            part = self.read(low, high)
        except Exception as error:
            error.add_note(f"It came while {where} were read.")
            raise
        if part.shape != (high - low, self.shape[1]):
            raise ValueError(
                f"{where} were read as an array of the shape {part.shape}: {self.name} is shorter "
                "than it says, or was cut while it was read. Write it anew, or pass what is whole."
            )
        if part.dtype.kind == "f" and not np.isfinite(part.sum(dtype=np.float64)):
            bad = ~np.isfinite(part).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"{self.name} has NaN or infinity in row {low + int(np.argmax(bad))}, and "
                    "every value must be finite. Remove or impute such entries first."
                )
        return part.astype(part.dtype.newbyteorder("="), copy=False)


def batch_of(x: Any) -> Any:
    """Return the rows of what an iterable yielded, if it is an array."""
    if not is_array(x) or x.ndim < 2:
        what = f" of the shape {tuple(x.shape)}" if is_array(x) else ""
        raise TypeError(
            f"The source yielded a {type(x).__module__}.{type(x).__qualname__}{what}, and arrays "
            "(b, d) are needed, or (…, d): make one of each. Of what has arrays by name (a file of "
            "h5py, a group of zarr, a DataFrame) pass one of them, such as file[name]; of files a "
            "list of paths."
        )
    return flat(plain(x, "a batch of X"), "a batch of X")


def checked(table: Table) -> Table:
    """Return a table that has rows and columns."""
    if 0 in table.shape:
        raise ValueError(
            f"{table.name} must have at least one row and one column, but its shape is "
            f"{table.shape}. Look at the step that selects or writes the data."
        )
    return table


def in_order(table: Table, size: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield batches of rows in order."""
    n = table.shape[0]
    for low in range(0, n, size):
        high = min(low + size, n)
        yield slice(low, high), table.rows(low, high)
