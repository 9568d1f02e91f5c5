"""How a kernel in CUDA C is compiled and launched by NVIDIA's own Python bindings.

PyTorch's builds for CUDA bring these. A launch says its device and stream and takes addresses: it
changes nothing that is current, and waits for nothing. What was compiled is kept on the disk.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gpudict.arrays.backends._kept import kept

LEGACY = 1  # CU_STREAM_LEGACY: the default stream, whatever the environment makes of 0
KINDS = {int: ctypes.c_void_p, np.int32: ctypes.c_int32, np.float64: ctypes.c_double}


@functools.cache
def installed() -> bool:
    """Whether the bindings are there; a driver is another matter."""
    return all(importlib.util.find_spec(name) for name in ("cuda", "cuda.bindings"))


def launch(
    device: int,
    stream: int,
    code: str,
    name: str,
    options: tuple[str, ...],
    shape: tuple[int, int, int],
    arguments: Sequence[int | np.generic],
) -> None:
    """Launch a kernel; arguments are addresses on the device, and NumPy's numbers."""
    from cuda.bindings import driver

    blocks, threads, shared = shape
    values = tuple(a.item() if isinstance(a, np.generic) else a for a in arguments)
    kinds = tuple(KINDS[type(a)] for a in arguments)
    with _current(device):
        kernel, _ = _loaded(code, name, options, device)
        grid, block = (blocks, 1, 1), (threads, 1, 1)
        given = (stream or LEGACY, (values, kinds), 0)
        _done(driver.cuLaunchKernel(kernel, *grid, *block, shared, *given))


@functools.cache
def _loaded(code: str, name: str, options: tuple[str, ...], device: int) -> tuple[Any, Any]:
    """Return the kernel on a device, in its current context, and the module that it lives in."""
    from cuda.bindings import driver

    number = _done(driver.cuDeviceGet(device))
    kind = driver.CUdevice_attribute
    major, minor = (
        _done(driver.cuDeviceGetAttribute(getattr(kind, f"CU_DEVICE_ATTRIBUTE_{word}"), number))
        for word in ("COMPUTE_CAPABILITY_MAJOR", "COMPUTE_CAPABILITY_MINOR")
    )
    module = _done(driver.cuModuleLoadData(compiled(code, options, 10 * major + minor)))
    return _done(driver.cuModuleGetFunction(module, name.encode())), module


def compiled(code: str, options: tuple[str, ...], capability: int) -> bytes:
    """Return the machine code for a device of this capability; PTX if the compiler is older.

    The driver then makes machine code of that.
    """
    from cuda.bindings import nvrtc

    known = [arch for arch in _done(nvrtc.nvrtcGetSupportedArchs()) if arch <= capability]
    if not known:
        raise RuntimeError(f"this compiler knows no device of capability {capability / 10}")
    kind, arch = ("CUBIN", "sm") if capability in known else ("PTX", "compute")
    flags = (*options, f"-arch={arch}_{max(known)}")
    version = "{}.{}".format(*_done(nvrtc.nvrtcVersion()))
    return kept((version, kind, code, *flags), lambda: _made(nvrtc, kind, code, flags))


def _made(nvrtc: Any, kind: str, code: str, flags: tuple[str, ...]) -> bytes:
    program = _done(nvrtc.nvrtcCreateProgram(code.encode("ascii"), b"kernel.cu", 0, [], []))
    try:
        error, *_ = nvrtc.nvrtcCompileProgram(program, len(flags), [o.encode() for o in flags])
        if error:
            log = _text(nvrtc, "ProgramLog", program).rstrip(b"\0").decode()
            raise RuntimeError(f"{error.name}: {log}")
        return _text(nvrtc, kind, program)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _text(nvrtc: Any, what: str, program: Any) -> bytes:
    text = bytes(_done(getattr(nvrtc, f"nvrtcGet{what}Size")(program)))
    _done(getattr(nvrtc, f"nvrtcGet{what}")(program, text))
    return text


@contextmanager
def _current(device: int) -> Iterator[None]:
    """Make the device's primary context, which is PyTorch's, this thread's for a while."""
    from cuda.bindings import driver

    _done(driver.cuCtxPushCurrent(_primary(device)))
    try:
        yield
    finally:
        _done(driver.cuCtxPopCurrent())


@functools.cache
def _primary(device: int) -> Any:
    from cuda.bindings import driver

    _done(driver.cuInit(0))
    return _done(driver.cuDevicePrimaryCtxRetain(_done(driver.cuDeviceGet(device))))


def _done(answer: tuple[Any, ...]) -> Any:
    """Return what a call found, or raise what it said."""
    error, *found = answer
    if error:
        raise RuntimeError(f"CUDA says {error.name}")
    return found[0] if len(found) == 1 else found
