"""A sparse matrix on a disk that grows by rows, of which the memory never has all.

Values and columns go to files without a name beside it, of which nothing is left if anything fails;
from there, once the last row has come, into the place that was asked for.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from gpudict._writing import check_place, whole, whole_folder
from gpudict.arrays.rows import Rows

CHUNK = 2**20  # bytes that are copied at a time
INDEX = np.dtype(np.int32)  # of columns and ends, unless there are too many: one, or SciPy copies
Member = Callable[[str], Any]  # the name of an array -> the file to write it to


@contextmanager
def growing(path: Path, k: int) -> Iterator[Callable[[Rows], None]]:
    """Give what takes rows on the host; the matrix (n, k) is there once it was left without error.

    A file .npz is that of `scipy.sparse.save_npz`, and takes the place of another; a folder .csr
    has its arrays as files, data.npy, indices.npy, indptr.npy, shape.npy, and must be new.
    """
    place = PLACES.get(path.suffix.lower())
    if place is None:
        raise ValueError(
            f"{path} came to write sparse codes to, and the name of a file .npz or of a new folder "
            ".csr is needed. Pass one that ends so."
        )
    if place is _folder and os.path.lexists(path):
        raise FileExistsError(f"{path} is there, and a new folder is made. Pass another name.")
    check_place(path)
    folder = os.path.dirname(os.path.realpath(path))
    with TemporaryFile(dir=folder) as values, TemporaryFile(dir=folder) as columns:
        kinds, counts = [], []

        def add(rows: Rows) -> None:
            end = rows.ends[-1]
            kinds.append(rows.values.dtype)
            counts.append(np.diff(rows.ends))
            values.write(np.ascontiguousarray(rows.values[:end]).data)
            columns.write(np.ascontiguousarray(rows.columns[:end], np.int32).data)

        yield add
        ends = np.concatenate([[0], *counts]).cumsum()
        index = INDEX if ends[-1] <= np.iinfo(INDEX).max else np.dtype(np.int64)
        with place(path) as member:
            _copied(values, kinds[0], kinds[0], member, "data")
            _copied(columns, np.dtype(np.int32), index, member, "indices")
            small = {"indptr": ends.astype(index), "shape": [len(ends) - 1, k]}
            for name, value in (small | {"format": b"csr", "_is_array": True}).items():
                with member(name) as file:
                    np.lib.format.write_array(file, np.asarray(value))


def _copied(
    spool: IO[bytes], source: np.dtype[Any], dtype: np.dtype[Any], member: Member, name: str
) -> None:
    """Copy what was written of one dtype into an array of another."""
    length = spool.tell() // source.itemsize
    spool.seek(0)
    about = {"descr": dtype.str, "fortran_order": False, "shape": (length,)}
    with member(name) as file:
        np.lib.format.write_array_header_1_0(file, about)
        while part := spool.read(CHUNK):
            file.write(np.frombuffer(part, source).astype(dtype, copy=False).data)


@contextmanager
def _npz(path: Path) -> Iterator[Member]:
    with whole(path) as file, zipfile.ZipFile(file, "w") as archive:
        yield lambda name: archive.open(f"{name}.npy", "w", force_zip64=True)


@contextmanager
def _folder(path: Path) -> Iterator[Member]:
    with whole_folder(path) as folder:
        os.mkdir(folder)
        yield lambda name: open(os.path.join(folder, f"{name}.npy"), "xb")  # noqa: SIM115


PLACES: dict[str, Callable[[Path], AbstractContextManager[Member]]] = {
    ".npz": _npz,
    ".csr": _folder,
}
