"""DATA and MODEL of a command, on the array library and the device that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.door import Array, asarray_like, is_array, to_host
from gpudict.arrays.moving import load
from gpudict.arrays.sources import files
from gpudict.arrays.sources.stream import Stream
from gpudict.arrays.sources.table import Table, checked
from gpudict.tools import images, patches
from gpudict.tools.commands.progress import Report
from gpudict.tools.streams import Missing, Refused

Mover = Callable[[np.ndarray], Array]
HELD = 2**24  # bytes of the samples of a batch, or of its codes


def mover(backend: str, device: str | None) -> Mover:
    """Return what moves arrays to the backend, having tried it once."""
    try:
        move = load(backend, device)
        to_host(move(np.zeros(1, dtype=np.float32)))
    except ModuleNotFoundError as missing:
        raise Missing(missing) from missing
    except Exception as error:  # each library refuses a device in its own way
        raise Missing(
            f"The backend {backend!r} can't use the device {device or 'it takes by default'}: "
            f"{str(error).splitlines()[0]}. Pass another --device or --backend."
        ) from error
    return move


def rows(data: list[str], patch_size: int, move: Mover) -> Stream:
    """Return the rows of files, one after the other, or the patches of pictures."""
    return Stream(checked(files.joined([_table(d, patch_size) for d in data])), None, move)


def watched(stream: Stream, report: Report, stage: str, passes: int = 1) -> Stream:
    """Return the stream, which reports the rows that are read, of so many passes at most."""
    table, done = stream.table, 0
    total = passes * table.shape[0]

    def read(low: int, high: int) -> np.ndarray:
        nonlocal done
        rows = table.read(low, high)
        done = min(done + high - low, total)
        report(stage, done, total)
        return rows

    return replace(stream, source=table._replace(read=read))


def _table(data: str, patch_size: int) -> Table:
    path, _ = files.matched(data)[0]
    if path.suffix.lower() in files.KINDS:
        return files.table(data)
    if not images.is_picture(path):
        raise Refused(
            f"{data} is of a kind that is not read here. Pass a file that ends in one of "
            f"{', '.join(files.KINDS)}, or a picture that ends in {images.endings()}."
        )
    return patches.table(data, images.read(data).image, patch_size)


def batches(stream: Stream, width: int) -> Iterator[Array]:
    """Yield rows in order, as many as fit where each needs so many numbers, or what it is."""
    each = max(width, stream.table.shape[1]) * stream.table.dtype.itemsize
    return (part for _, part in stream.batches(max(1, HELD // each)))


def some(stream: Stream, rows: int, seed: int) -> Array:
    """Return so many random rows, or all of them."""
    return check.samples(stream.some(rows, np.random.RandomState(seed))[1])


def coder(path: Path, move: Mover, stream: Stream | None = None) -> Any:
    """Return the estimator of a file, which codes, and codes such rows."""
    from gpudict.estimators import load as loaded

    model = loaded(path, like=move(np.zeros(1, dtype=np.float32)))
    if not hasattr(model, "transform_algorithm"):
        raise Refused(
            f"{path} is a {type(model).__name__}, which has no codes. Pass what `gpudict learn` "
            "wrote, a DictionaryLearning or a SparseCoder."
        )
    if dictionary(model) is None:
        raise Refused(f"{path} is a {type(model).__name__} that was not fitted. Call fit first.")
    if stream is not None and stream.table.shape[1] != (d := size(model)[1]):
        raise Refused(
            f"{stream.table.name} has {stream.table.shape[1]} columns, and the atoms of {path} "
            f"have {d}. Pass data of that width, and pictures with the --patch-size of learn."
        )
    return model


def dictionary(model: Any) -> Any:
    """Return the atoms (k, d) of an estimator as it has them, or None where it has none yet."""
    return getattr(model, "components_", getattr(model, "dictionary", None))


def size(model: Any) -> tuple[int, int]:
    """Return the size (k, d) of the atoms."""
    V = dictionary(model)
    k, d = V.shape if is_array(V) else np.shape(V)
    return k, d


def atoms(model: Any, X: Array) -> Array:
    """Return the atoms (k, d) of an estimator where X is, in its dtype."""
    V = dictionary(model)
    return asarray_like(to_host(V) if is_array(V) else np.asarray(V), X)
