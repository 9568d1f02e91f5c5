"""Rows in chunks, coded where they are, once their codes are computed."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from gpudict.arrays.chunks import chunked
from gpudict.arrays.chunks.rowwise import rowwise
from gpudict.arrays.door import Array, asarray_like, is_numpy, to_host
from gpudict.arrays.plain import is_one, plain
from gpudict.arrays.rows import Rows
from gpudict.coding.asked import Asked, coded
from gpudict.coding.silence import say_silent
from gpudict.solvers.records import Solution


def in_chunks(X: Any, V: Array, alpha: Any, init: Any, asked: Asked, out: Any) -> Solution:
    """Return the solution of all rows, in chunks, not made yet; nobody knows its rounds."""
    if out is not None:
        raise ValueError(
            "out came with rows in chunks, whose codes are in chunks, and not made yet. Leave it "
            "out, and write them where they shall be, for instance by Z.to_zarr or Z.store."
        )
    if asked.penalty is not None:
        asked.penalty.refuse_rows("X in chunks")
    if asked.until < math.inf:
        raise ValueError(
            "time_limit came with rows in chunks, which are coded when they are computed. Leave it "
            "out, and compute as many of them as there is time for."
        )
    one, on_host = is_one(alpha), is_numpy(chunked(X).like)
    alike: dict[str, Any] = {"asked": asked, "alpha": alpha if one else None, "on_host": on_host}
    call = partial(_coded, V=to_host(plain(V, "V")), **alike)
    each = None if one else alpha
    Z, gap, converged, status = rowwise(call, chunked(X), alpha=each, init=init)
    return Solution(Z, gap, converged, 0, [], ended=status)


def _coded(
    rows: Array, each: Any, init: Any, *, V: Any, asked: Asked, alpha: Any, on_host: bool
) -> tuple[Any, Array, Array, Array]:
    """Return the codes of the rows of a chunk, their gaps, whether they converged, their status."""
    V, init = (a if a is None or is_numpy(rows) else asarray_like(a, rows) for a in (V, init))
    found, top = coded(rows, V, alpha if each is None else each, init, asked)
    say_silent(top, "entry of X dictionaryᵀ in a chunk of X")
    Z, gap = found.Z, to_host(found.gap) if on_host else found.gap
    if isinstance(Z, Rows):
        Z = (Rows(*map(to_host, Z)) if on_host else Z).matrix(V.shape[0], gap)
    return Z, gap, found.converged, found.status
