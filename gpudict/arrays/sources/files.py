"""Tables of files, by what their names end in: one, a list, a folder or a pattern of them.

A .npy file is mapped; of the others what is read is a chunk: an array of an .npz file, which is
unpacked as a whole, a slice of a .safetensors file, a row group of a .parquet file. Of a file that
has several arrays FILE:NAME is one.
"""

from __future__ import annotations

import bisect
import glob
import itertools
import json
import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from gpudict.arrays.sources import hdf5, sliced, sparse, text, zarr
from gpudict.arrays.sources.named import chosen, two, unread
from gpudict.arrays.sources.table import Table


def takes(x: Any) -> bool:
    """Whether x is a path, or a sequence of them."""
    paths = x if isinstance(x, list | tuple) else [x]
    return bool(paths) and all(isinstance(path, str | os.PathLike) for path in paths)


def table(x: Any) -> Table:
    """Return the rows of a file, or of several one after the other."""
    paths = x if isinstance(x, list | tuple) else [x]
    return joined([_of(*one) for path in paths for one in matched(os.fsdecode(path))])


def matched(given: str) -> list[tuple[Path, str | None]]:
    """Return the files that a folder has or a pattern matches, in natural order, or what it is.

    Beside each is the name of the array in it that was asked for, if one was.
    """
    path, name = named(given)
    folder = path.is_dir() and KINDS.get(path.suffix.lower()) not in FOLDERS
    if not folder and (path.exists() or not glob.has_magic(str(path))):
        return [(path, name)]
    pattern = os.path.join(glob.escape(str(path)), "*") if folder else str(path)
    some = [p for p in map(Path, glob.glob(pattern, recursive=True)) if p.suffix.lower() in KINDS]
    if not some:
        raise FileNotFoundError(f"{path} {'has' if folder else 'matches'} no file. {ADVICE}")
    return [(p, name) for p in sorted(some, key=_naturally)]


def _naturally(path: Path) -> list[Any]:
    """Return a key by which part 2 comes before part 10."""
    return [(int(s), "") if s.isdecimal() else (-1, s) for s in re.split(r"(\d+)", str(path))]


def named(given: str) -> tuple[Path, str | None]:
    """Return a path and the name of the array in it that was asked for, as FILE:NAME."""
    path, colon, name = given.rpartition(":")
    if not colon or Path(path).suffix.lower() not in KINDS or Path(given).exists():
        return Path(given), None
    return Path(path), name


def joined(tables: Sequence[Table]) -> Table:
    """Return tables of one width and dtype one after the other."""
    first, *others = tables
    for other in others:
        if other.shape[1] != first.shape[1] or other.dtype != first.dtype:
            raise ValueError(
                f"{other.name} has {other.shape[1]} columns of {other.dtype}, and {first.name} "
                f"{first.shape[1]} of {first.dtype}. Pass files of one width and dtype."
            )
    if not others:
        return first
    starts = [0, *itertools.accumulate(one.shape[0] for one in tables)]

    def read(low: int, high: int) -> np.ndarray:
        parts, at = [], low
        while at < high:
            number = bisect.bisect_right(starts, at) - 1
            end = min(high, starts[number + 1])
            parts.append(tables[number].rows(at - starts[number], end - starts[number]))
            at = end
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    name = f"{first.name} and {len(others)} more"
    chunk = max(one.chunk for one in tables)
    return Table(name, (starts[-1], first.shape[1]), first.dtype, read, chunk)


def _of(path: Path, name: str | None) -> Table:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path} is of a kind that is not read here. {ADVICE}")
    if not path.is_file() and not (kind in FOLDERS and path.is_dir()):
        raise FileNotFoundError(f"{path} is no file. {ADVICE}")
    try:
        found = kind(path, name)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # each library has its own
        if str(error).startswith(str(path)):
            raise  # it is said below
        why = getattr(error, "strerror", None) or error
        raise ValueError(
            f"{path} can't be read as a {path.suffix} file ({why}). {ADVICE}"
        ) from error
    if found.dtype.kind not in "biufc":
        raise unread(found.name, f"the dtype {found.dtype}")
    return found


def _npy(path: Path, _: str | None) -> Table:
    return sliced.table(two(np.lib.format.open_memmap(path, mode="r"), path))


def _npz(path: Path, name: str | None) -> Table:
    from scipy.sparse import load_npz

    with open(path, "rb") as file, np.load(file) as archive:  # it leaves a broken one open
        if {"indices", "indptr", "format"} <= set(archive.files):
            return sparse.table(load_npz(path))._replace(name=str(path))
        name = chosen(list(archive.files), path, name)
        a = two(archive[name], path)

    def read(low: int, high: int) -> np.ndarray:
        return _archived(path, name, path.stat().st_mtime_ns)[low:high].copy()

    (n, d), dtype = a.shape, a.dtype
    return Table(str(path), (n, d), dtype, read, n)


@lru_cache(maxsize=1)  # the last one, of all files: rows are mostly read in order
def _archived(path: Path, name: str, changed: int) -> np.ndarray:
    """Return an array of an archive that was changed then."""
    with np.load(path) as archive:
        return np.asarray(archive[name])


def _safetensors(path: Path, name: str | None) -> Table:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        name = chosen(list(file.keys()), path, name)
        part = file.get_slice(name)
        shape, kind = two(part, path).get_shape(), part.get_dtype()
        if kind not in (*_NUMBERS, "BF16"):
            raise unread(path, kind)
        if kind == "BF16":
            return _bfloat16(path, name, tuple(shape))
        dtype = part[:1].dtype

    def read(low: int, high: int) -> np.ndarray:
        with safe_open(path, "np") as file:
            return np.asarray(file.get_slice(name)[low:high])

    return Table(str(path), (int(shape[0]), int(shape[1])), dtype, read)


def _bfloat16(path: Path, name: str, shape: tuple[int, int]) -> Table:
    """Return rows of bfloat16, of which NumPy has none, in float32: they are its upper halves."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        begin, _ = json.loads(file.read(size))[name]["data_offsets"]
    halves = np.memmap(path, "<u2", "r", 8 + size + begin, shape) if 0 not in shape else None

    def read(low: int, high: int) -> np.ndarray:
        assert halves is not None
        return (halves[low:high].astype(np.uint32) << 16).view(np.float32)

    return Table(str(path), shape, np.dtype(np.float32), read)


def _parquet(path: Path, _: str | None) -> Table:
    from pyarrow import parquet, types

    file = parquet.ParquetFile(path)
    meta, schema = file.metadata, file.schema_arrow
    index = (schema.pandas_metadata or {}).get("index_columns", ())  # of a frame, and no data
    columns = [column for column in schema if column.name not in index]
    sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
    starts = [0, *itertools.accumulate(sizes)]
    real = (types.is_integer, types.is_floating, types.is_boolean)
    for column in columns:
        if not any(kind(column.type) for kind in real):
            raise unread(path, f"{column.type} in the column {column.name}")
    dtype = np.result_type(np.bool_, *(column.type.to_pandas_dtype() for column in columns))
    names = tuple(column.name for column in columns)

    def group(number: int) -> np.ndarray:
        return _group(path, number, names, dtype, path.stat().st_mtime_ns)

    def read(low: int, high: int) -> np.ndarray:
        first, last = (bisect.bisect_right(starts, row) - 1 for row in (low, high - 1))
        cuts = (
            group(i)[max(low - starts[i], 0) : high - starts[i]] for i in range(first, last + 1)
        )
        return np.concatenate(list(cuts))

    return Table(str(path), (meta.num_rows, len(columns)), dtype, read, max([1, *sizes]))


@lru_cache(maxsize=1)
def _group(
    path: Path, number: int, names: tuple[str, ...], dtype: np.dtype[Any], changed: int
) -> np.ndarray:
    """Return columns of a row group of a file that was changed then."""
    from pyarrow import parquet

    part = parquet.ParquetFile(path).read_row_group(number, columns=list(names))
    for name, column in zip(part.column_names, part.columns, strict=True):
        if column.null_count:
            raise ValueError(
                f"{path} has {column.null_count} missing values in the column {name}, row group "
                f"{number}, and every value must be finite. Remove or impute such entries first."
            )
    return np.stack([np.asarray(c, dtype=dtype) for c in part.columns], axis=1)


_NUMBERS = ("BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "F32", "F64")
KINDS: dict[str, Callable[[Path, str | None], Table]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".parquet": _parquet,
    ".csv": text.table,
    ".h5": hdf5.h5,
    ".hdf5": hdf5.h5,
    ".h5ad": hdf5.h5ad,
    ".zarr": zarr.table,
    ".csr": sparse.folder,
}
FOLDERS = (zarr.table, sparse.folder)
ADVICE = (
    f"Pass a file that ends in one of {', '.join(KINDS)}, a list, a folder or a pattern of some, "
    "or what is sliced, such as a dataset of h5py."
)
