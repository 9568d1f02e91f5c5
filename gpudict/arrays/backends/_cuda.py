"""How a kernel in CUDA C is launched on CuPy arrays: CuPy compiles it, and keeps it on disk."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

ALIGNED = 16  # bytes: kernels load so many at once


@functools.cache
def _kernel(code: str, name: str, options: tuple[str, ...], device: int) -> Any:
    import cupy

    return cupy.RawModule(code=code, options=options).get_function(name)


def start(
    code: str,
    name: str,
    options: tuple[str, ...],
    shape: tuple[int, int, int],
    arguments: Sequence[Any],
) -> None:
    """Launch a kernel on the current device and stream."""
    import cupy

    blocks, threads, shared = shape
    kernel = _kernel(code, name, options, cupy.cuda.runtime.getDevice())
    kernel((blocks,), (threads,), tuple(map(_in_place, arguments)), shared_mem=shared)


def _in_place(x: Any) -> Any:
    """Return an array as the kernels read it: rows contiguous, aligned; itself if it is so."""
    import cupy

    if not isinstance(x, cupy.ndarray):
        return x
    x = cupy.ascontiguousarray(x)
    return x if x.data.ptr % ALIGNED == 0 or x.size < 2 else x.copy()
