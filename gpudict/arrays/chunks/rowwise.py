"""Functions of rows, each row by itself, that take rows in chunks: their results stay in chunks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.chunks.contract import Chunks, cut
from gpudict.arrays.door import array_namespace
from gpudict.arrays.home import home
from gpudict.arrays.saying import in_batches_saying
from gpudict.arrays.threads import quiet


def rowwise(call: Callable[..., Any], chunks: Chunks, **each: Any) -> Any:
    """Return what call(rows, *values of these rows) is, an array or a tuple, in chunks, unmade.

    What is wrong in any case is raised at once: the call is tried with a row of zeros, which shows
    what comes out of it, too. `each` are arrays along the rows, in chunks perhaps, or None.
    """
    like = array_namespace(chunks.like)
    row = like.zeros((1, chunks.like.shape[1]), dtype=chunks.like.dtype)
    beside = list(zip(*(_cut(each[name], chunks.sizes, name) for name in each), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # codes of zeros are zeros
        found = call(row, *map(_first, each.values()))
    several = isinstance(found, tuple)
    metas = tuple(one[:0] for one in (found if several else (found,)))
    with in_batches_saying() if chunks.alone else nullcontext():
        made = chunks.mapped(_called, metas, call, metas, chunks.alone, beside=beside or None)
    return made if several else made[0]


def _cut(values: Any, sizes: Sequence[int], name: str) -> list[Any]:
    """Return the values of the rows of each chunk, or raise if there is not one for each row."""
    shape, n = np.shape(values), sum(sizes)
    if values is not None and shape[:1] != (n,):
        raise ValueError(
            f"{name} has the shape {shape}, and one for each of the {n} rows of X is needed. Pass "
            "it in the order of the rows."
        )
    return cut(values, sizes)


def _first(values: Any) -> Any:
    """Return what stands for the values of one row: of chunks, which are not made for it, ones."""
    if not is_chunked(values):
        return None if values is None else values[:1]
    return array_namespace(values._meta).ones((1, *values.shape[1:]), dtype=values.dtype)


def _called(
    rows: Any,
    number: int,
    beside: Any,
    call: Callable[..., Any],
    metas: tuple[Any, ...],
    alone: bool,
) -> tuple[Any, ...]:
    """Return what is called with the rows of a chunk; of no rows, nothing."""
    if not rows.shape[0]:
        return metas
    try:
        with home(rows), nullcontext() if alone else quiet():
            found = call(rows, *(beside or ()))
    except (TypeError, ValueError):
        check.samples(rows, f"chunk {number} of X", wide=True)  # says where, if it is the rows
        raise
    return found if isinstance(found, tuple) else (found,)
