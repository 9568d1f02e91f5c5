"""CuPy's own arrays on memory of the host, on devices that are none, and its kernels on the CPU.

    with cupy_host() as calls:
        start = row.launcher(asarray(a, device=1))
        start(code, name, options, shape, arguments)
    calls

Shapes, strides, views and addresses are CuPy's. A device's context, the copies that need a device,
and the call of a kernel are stood for here, with the rules that CuPy has for them: a kernel is
compiled for the current device, and called there, and takes arrays of that device as their bare
addresses.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import cupy
import numpy as np

from benchmarks.standins import warps
from gpudict.arrays.backends import cupy as row

ALIGNED = 16  # bytes that a kernel loads at once
_CURRENT: list[int] = []  # devices that were entered


def current() -> int:
    """Return the device that was entered last."""
    return _CURRENT[-1]


class Device(NamedTuple):
    """A device, current while it is entered."""

    id: int

    def __enter__(self) -> None:
        _CURRENT.append(self.id)

    def __exit__(self, *error: object) -> None:
        _CURRENT.pop()


class Array(cupy.ndarray):  # type: ignore[misc]
    """An array of CuPy's whose memory is the host's."""

    @property
    def device(self) -> Device:
        """The device that it says it is on."""
        return Device(self.data.device_id)

    def copy(self, order: str = "C") -> Array:
        """Copy, rows contiguous."""
        return asarray(values(self).copy(), self.data.device_id)


def asarray(a: np.ndarray, device: int = 0) -> Array:
    """Return CuPy's array of memory that NumPy keeps."""
    memory = cupy.cuda.UnownedMemory(a.ctypes.data, a.nbytes, a, device)
    return Array(a.shape, a.dtype, cupy.cuda.MemoryPointer(memory, 0), a.strides)


def values(x: Array) -> np.ndarray:
    """Return the same memory as NumPy's array."""
    span = x.itemsize + sum((n - 1) * step for n, step in zip(x.shape, x.strides, strict=True))
    memory = (ctypes.c_char * span).from_address(x.data.ptr)
    return np.ndarray(x.shape, x.dtype, memory, strides=x.strides)


class Call(NamedTuple):
    """A kernel's call: its name, the device, blocks, threads, bytes, and its arrays' addresses."""

    name: str
    device: int
    blocks: int
    threads: int
    shared: int
    addresses: tuple[int, ...]


class Module:
    """What stands for `cupy.RawModule`, of which every name is CuPy's."""

    def __init__(self, calls: list[Call], code: str, options: tuple[str, ...]) -> None:
        _REAL(code=code, options=options)  # which refuses what it can't be made of
        self.calls, self.made, self.device = calls, (code, options), current()

    def get_function(self, name: str) -> Any:
        """Return the kernel."""

        def kernel(grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
            if _CURRENT[-1:] != [self.device]:
                raise RuntimeError(f"compiled for {self.device}, called on {_CURRENT}")
            given = [self._given(a) for a in args]
            shape = (*grid, *block, shared_mem)
            pointers = tuple(a.ctypes.data for a in given if a.ndim)
            self.calls.append(Call(name, self.device, *shape, pointers))
            code, options = self.made
            warps.launch(code, name, options, shape, [a if a.ndim else a[()] for a in given])

        return kernel

    def _given(self, x: Any) -> np.ndarray:
        """Return an argument as the kernel has it."""
        if isinstance(x, np.generic):
            return np.asarray(x)
        if x.device.id != self.device:
            raise RuntimeError(f"an array of device {x.device.id} for a kernel on {self.device}")
        if not x.flags.c_contiguous or (x.data.ptr % ALIGNED and x.size > 1):
            raise RuntimeError(f"strides {x.strides} at {x.data.ptr}: not the rows of a kernel")
        return values(x)


_REAL = cupy.RawModule


@contextlib.contextmanager
def cupy_host() -> Iterator[list[Call]]:
    """Let CuPy copy on the host and call its kernels on the CPU; list the calls."""
    calls: list[Call] = []

    def contiguous(x: Array) -> Array:
        return x if x.flags.c_contiguous else x.copy()

    def module(*, code: str, options: tuple[str, ...]) -> Module:
        return Module(calls, code, options)

    row._kernel.cache_clear()
    try:
        with (
            mock.patch.object(cupy, "RawModule", module),
            mock.patch.object(cupy, "ascontiguousarray", contiguous),
        ):
            yield calls
    finally:
        row._kernel.cache_clear()
