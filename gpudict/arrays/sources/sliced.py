"""Tables of what is sliced like an array: NumPy's memory maps, zarr's arrays, h5py's datasets."""

from __future__ import annotations

import mmap
from functools import partial
from typing import Any

import numpy as np

from gpudict.arrays.plain import LAZY, values
from gpudict.arrays.sources.table import Table


def takes(x: Any) -> bool:
    """Whether x has two dimensions and a dtype, and is sliced."""
    lazy = type(x).__module__.partition(".")[0] in LAZY
    sparse = hasattr(x, "toarray") or hasattr(x, "todense")
    has = all(hasattr(x, name) for name in ("shape", "dtype", "__getitem__"))
    return has and not lazy and not sparse and len(x.shape) == 2


def table(x: Any) -> Table:
    """Return the rows of x, read along its chunks where it says that it has some."""
    if isinstance(x, np.ma.MaskedArray):
        values(x, "source")  # which says what to do
    chunks = getattr(x, "chunks", None)
    chunk = chunks[0] if isinstance(chunks, tuple) and isinstance(chunks[0], int) else 1
    name = getattr(x, "filename", None) or getattr(x, "name", None) or f"a {type(x).__name__}"
    n, d = x.shape

    def read(low: int, high: int) -> np.ndarray:
        return np.array(x[low:high])  # a copy: a map's pages may go, and its file may change

    dtype = np.dtype(x.dtype).newbyteorder("=")
    return Table(str(name), (int(n), int(d)), dtype, read, max(1, chunk))


def recipe(x: Any) -> Any:
    """Return what maps the same rows of a file in another process, or what is no map as it is."""
    whole = isinstance(x, np.memmap) and x.filename is not None and x.flags.c_contiguous
    if not whole or x.mode == "c":  # its changes are in no file
        return x
    start = x.ctypes.data - np.frombuffer(x._mmap, np.uint8).ctypes.data  # x may be a slice
    offset = x.offset - x.offset % mmap.ALLOCATIONGRANULARITY + start
    return partial(np.memmap, x.filename, x.dtype, "r", offset, x.shape)
