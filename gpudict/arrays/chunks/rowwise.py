"""Functions of rows, each row by itself, that take rows in chunks: their results stay in chunks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from gpudict.arrays.chunks.contract import Chunks, cut
from gpudict.arrays.door import array_namespace
from gpudict.arrays.home import home
from gpudict.arrays.threads import quiet


def rowwise(call: Callable[..., Any], chunks: Chunks, *each: Any) -> Any:
    """Return what call(rows, *values of these rows) is, an array or a tuple, in chunks, unmade.

    What is wrong in any case is raised at once: the call is tried with a row of zeros, which shows
    what comes out of it, too. `each` are arrays along the rows, or None.
    """
    like = array_namespace(chunks.like)
    row = like.zeros((1, chunks.like.shape[1]), dtype=chunks.like.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # codes of zeros are zeros
        found = call(row, *(value if value is None else value[:1] for value in each))
    several = isinstance(found, tuple)
    metas = tuple(one[:0] for one in (found if several else (found,)))
    beside = list(zip(*(cut(value, chunks.sizes) for value in each), strict=True))
    made = chunks.mapped(_called, metas, call, metas, chunks.alone, beside=beside or None)
    return made if several else made[0]


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
    with home(rows), nullcontext() if alone else quiet():
        found = call(rows, *(beside or ()))
    return found if isinstance(found, tuple) else (found,)
