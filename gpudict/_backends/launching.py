"""How a kernel in CUDA C gets to the arrays of a library: CuPy compiles it, and keeps it on disk.

A launcher takes the source, the name of its entry, the compiler's options, (blocks, threads of a
block, bytes of shared memory), and the arguments: arrays, and NumPy numbers of the width that the
kernel declares. It waits for nothing.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

Array = Any
Launcher = Callable[[str, str, tuple[str, ...], tuple[int, int, int], Sequence[Any]], None]
ALIGNED = 16  # bytes: kernels load so many at once


@functools.cache
def _kernel(code: str, name: str, options: tuple[str, ...], device: int) -> Any:
    import cupy

    return cupy.RawModule(code=code, options=options).get_function(name)


def _start(
    code: str,
    name: str,
    options: tuple[str, ...],
    shape: tuple[int, int, int],
    arguments: Sequence[Any],
) -> None:
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


def cupy_launcher(like: Array) -> Launcher | None:
    """Return what launches kernels on the device of a CuPy array; None if it is no CUDA device."""
    import cupy

    return None if cupy.cuda.runtime.is_hip else functools.partial(_on_cupy, like.device)


def _on_cupy(device: Any, *what: Any) -> None:
    with device:
        _start(*what)


def torch_launcher(like: Array) -> Launcher | None:
    """Return what launches kernels on the device and stream of a CUDA tensor, if CuPy is there."""
    import torch

    if like.device.type != "cuda" or torch.version.cuda is None or not _has_cupy():
        return None
    return functools.partial(_on_torch, like.device)


@functools.cache
def _has_cupy() -> bool:
    return importlib.util.find_spec("cupy") is not None


def _on_torch(device: Any, *what: Any) -> None:
    import cupy
    import torch

    code, name, options, shape, arguments = what
    stream = cupy.cuda.ExternalStream(torch.cuda.current_stream(device).cuda_stream, device.index)
    with cupy.cuda.Device(device.index), stream:
        views = [
            cupy.from_dlpack(a.contiguous()) if isinstance(a, torch.Tensor) else a
            for a in arguments
        ]
        _start(code, name, options, shape, views)
