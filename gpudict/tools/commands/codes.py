"""CODES of a command: written row after row, by what the name ends in, all of them or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gpudict._writing import whole, whole_folder

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


def npz(path: Path, shape: Shape, dtype: np.dtype[Any], parts: Parts) -> None:
    """Write them in compressed rows, as scipy.sparse.load_npz reads them."""
    from scipy.sparse import csr_array, save_npz, vstack

    rows = vstack([csr_array(part) for part in parts], format="csr")
    with whole(path) as file:
        save_npz(file, rows, compressed=False)  # packing takes longest, and saves little


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
    ".npz": npz,
    ".zarr": zarr,
}
