"""Rows that lie in chunks, perhaps on many machines: work goes to them, and sums come back.

`contract` says what is asked of them, `loop` is that in the plainest way, `on_dask` for Dask.
"""

from __future__ import annotations

from typing import Any

from gpudict.arrays.chunks import on_dask
from gpudict.arrays.chunks.contract import Chunks
from gpudict.arrays.chunks.loop import Loop


def is_chunked(x: Any) -> bool:
    """Whether x is rows in chunks."""
    return isinstance(x, Loop | on_dask.DaskChunks) or on_dask.takes(x)


def chunked(x: Any, move: Any = None) -> Chunks:
    """Return the chunks of x, whose values are yet unseen, moved by `move` where work is done."""
    return x if isinstance(x, Loop | on_dask.DaskChunks) else on_dask.DaskChunks(x, move)
