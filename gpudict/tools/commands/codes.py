"""CODES of a command: written row after row, by what the name ends in, all of them or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gpudict._writing import whole, whole_folder
from gpudict.arrays.growing import growing
from gpudict.arrays.rows import Rows

Parts = Iterable[np.ndarray]  # of the codes, in order, on the host
Shape = tuple[int, int]


def npy(path: Path, shape: Shape, dtype: np.dtype[Any], parts: Parts) -> None:
    """Write them dense, as numpy.load reads and maps them."""
    from numpy.lib.format import dtype_to_descr, write_array_header_1_0

    about = {"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with whole(path) as file:
        write_array_header_1_0(file, about)
        for part in parts:
            file.write(np.ascontiguousarray(part).data)


def sparse(path: Path, shape: Shape, dtype: np.dtype[Any], parts: Parts) -> None:
    """Write them in compressed rows: a file that scipy.sparse.load_npz reads, or a folder."""
    with growing(path, shape[1]) as add:
        for part in parts:
            add(Rows.of(part))


def zarr(path: Path, shape: Shape, dtype: np.dtype[Any], parts: Parts) -> None:
    """Write them as an array of zarr, in chunks of rows."""
    import zarr

    with whole_folder(path) as folder:
        chunk = max(1, min(shape[0], CHUNK // (shape[1] * dtype.itemsize)))
        made = zarr.create_array(folder, shape=shape, dtype=dtype, chunks=(chunk, shape[1]))
        low = 0
        for part in parts:
            made[low : low + len(part)] = part
            low += len(part)


CHUNK = 2**22  # bytes
WRITERS: dict[str, Callable[[Path, Shape, np.dtype[Any], Parts], None]] = {
    ".npy": npy,
    ".npz": sparse,
    ".csr": sparse,
    ".zarr": zarr,
}
