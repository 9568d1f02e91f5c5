"""Tables of files: .npy, .npz, .safetensors and .parquet, one or a list of them.

A .npy file is mapped; of the others what is read is a chunk: an array of an .npz file, which is
unpacked as a whole, a slice of a .safetensors file, a row group of a .parquet file.
"""

from __future__ import annotations

import bisect
import itertools
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from gpudict.arrays.sources import sliced
from gpudict.arrays.sources.table import Table

ADVICE = "Pass .npy, .npz, .safetensors or .parquet files, or an array that is sliced."


def takes(x: Any) -> bool:
    """Whether x is a path, or a sequence of them."""
    paths = x if isinstance(x, list | tuple) else [x]
    return bool(paths) and all(isinstance(path, str | os.PathLike) for path in paths)


def table(x: Any) -> Table:
    """Return the rows of a file, or of several one after the other."""
    paths = x if isinstance(x, list | tuple) else [x]
    return joined([_of(Path(os.fsdecode(path))) for path in paths])


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


def _of(path: Path) -> Table:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path} is of a kind that is not read here. {ADVICE}")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. {ADVICE}")
    return kind(path)


def _npy(path: Path) -> Table:
    try:
        mapped = np.load(path, mmap_mode="r")
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} can't be mapped as a .npy file ({error}). {ADVICE}") from error
    return sliced.table(_two(mapped, path))


def _npz(path: Path) -> Table:
    with np.load(path) as archive:
        name = _only(list(archive.files), path)
        a = _two(archive[name], path)

    def read(low: int, high: int) -> np.ndarray:
        return _archived(path, name, path.stat().st_mtime_ns)[low:high].copy()

    (n, d), dtype = a.shape, a.dtype
    return Table(str(path), (n, d), dtype, read, n)


@lru_cache(maxsize=1)  # the last one, of all files: rows are mostly read in order
def _archived(path: Path, name: str, changed: int) -> np.ndarray:
    """Return an array of an archive that was changed then."""
    with np.load(path) as archive:
        return np.asarray(archive[name])


def _safetensors(path: Path) -> Table:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        name = _only(list(file.keys()), path)
        shape = _two(file.get_slice(name), path).get_shape()
        dtype = file.get_slice(name)[:1].dtype

    def read(low: int, high: int) -> np.ndarray:
        with safe_open(path, "np") as file:
            return np.asarray(file.get_slice(name)[low:high])

    return Table(str(path), (int(shape[0]), int(shape[1])), dtype, read)


def _parquet(path: Path) -> Table:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    meta, columns = file.metadata, file.schema_arrow
    sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
    starts = [0, *itertools.accumulate(sizes)]
    dtype = np.result_type(*(kind.to_pandas_dtype() for kind in columns.types))

    def group(number: int) -> np.ndarray:
        return _group(path, number, dtype, path.stat().st_mtime_ns)

    def read(low: int, high: int) -> np.ndarray:
        first, last = (bisect.bisect_right(starts, row) - 1 for row in (low, high - 1))
        cuts = (
            group(i)[max(low - starts[i], 0) : high - starts[i]] for i in range(first, last + 1)
        )
        return np.concatenate(list(cuts))

    return Table(str(path), (meta.num_rows, len(columns)), dtype, read, max([1, *sizes]))


@lru_cache(maxsize=1)
def _group(path: Path, number: int, dtype: np.dtype[Any], changed: int) -> np.ndarray:
    """Return a row group of a file that was changed then."""
    from pyarrow import parquet

    part = parquet.ParquetFile(path).read_row_group(number)
    return np.stack([np.asarray(c, dtype=dtype) for c in part.columns], axis=1)


KINDS: dict[str, Callable[[Path], Table]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".parquet": _parquet,
}


def _only(names: list[str], path: Path) -> str:
    """Return the name of the only array of a file, or of the one that is named X."""
    if len(names) == 1 or "X" in names:
        return names[0] if len(names) == 1 else "X"
    raise ValueError(
        f"{path} has {len(names)} arrays ({', '.join(names[:5])}), and one, or one named X, is "
        "needed. Write the data into a file of their own."
    )


def _two(x: Any, path: Path) -> Any:
    """Return what was found in a file if it has rows and columns."""
    shape = tuple(x.get_shape() if hasattr(x, "get_shape") else x.shape)
    if len(shape) != 2:
        raise ValueError(
            f"{path} has an array of the shape {shape}, and one of two dimensions is needed, a "
            "sample a row. Reshape it before it is written."
        )
    return x
