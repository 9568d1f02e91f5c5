"""A CUDA driver that is none: it keeps to the rules of contexts, and runs kernels on the CPU.

    with simulated(), driver(devices=2) as calls:
        gpudict.encode(to_device(X), to_device(V), alpha=0.1)
    calls.launches

What the package does for PyTorch's tensors on a card runs here up to the driver's own functions:
the choice of solvers, the trial of a device, the compiler, streams and addresses. The kernels that
the compiler made are not what runs: their source does, by `warps`, or inside `on_the_ptx` their
PTX. What a kernel may touch is known of each address by the tensor that it was taken of.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from benchmarks.standins import warps
from gpudict.arrays.backends import _cuda
from gpudict.arrays.backends import torch as row
from gpudict.solvers.cuda import _trial

CAPABILITY = (9, 0)
PAGE = 256  # bytes, of which an allocation of a device begins at a multiple


class Launch(NamedTuple):
    """A launch: the kernel's name, the device of its context, stream, blocks, threads, bytes."""

    name: str
    device: int
    stream: int
    blocks: int
    threads: int
    shared: int


class Module(NamedTuple):
    """What was loaded, and in which context."""

    device: int
    source: tuple[str, tuple[str, ...]]


class Driver:
    """The functions of `cuda.bindings.driver` that are called, by their own names.

    Attributes
    ----------
    launches : what was launched
    retained : devices whose primary context was made
    current : the devices of the contexts that this thread has pushed
    refuses : names of functions that fail
    bytes : of the tensor at an address
    """

    def __init__(self, devices: int, refuses: tuple[str, ...]) -> None:
        from cuda.bindings import driver as real

        self.CUdevice_attribute, self.errors = real.CUdevice_attribute, real.CUresult
        self.devices, self.refuses = devices, refuses
        self.launches: list[Launch] = []
        self.retained: list[int] = []
        self.contexts, self.running = threading.local(), threading.Lock()
        self.sources: dict[bytes, tuple[str, tuple[str, ...]]] = {}
        self.bytes: dict[int, int] = {}

    @property
    def current(self) -> list[int]:
        return self.contexts.__dict__.setdefault("pushed", [])

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("cu") and name in object.__getattribute__(self, "refuses"):
            error = self.errors.CUDA_ERROR_UNKNOWN
            return lambda *arguments: (error,)
        return object.__getattribute__(self, name)

    def cuInit(self, flags: int) -> Any:
        return (0,)

    def cuDeviceGet(self, ordinal: int) -> Any:
        if not 0 <= ordinal < self.devices:
            return self.errors.CUDA_ERROR_INVALID_DEVICE, None
        return 0, ordinal

    def cuDeviceGetAttribute(self, attribute: Any, device: int) -> Any:
        return 0, CAPABILITY[attribute.name.endswith("MINOR")]

    def cuDevicePrimaryCtxRetain(self, device: int) -> Any:
        self.retained.append(device)
        return 0, device

    def cuCtxPushCurrent(self, context: int) -> Any:
        self.current.append(context)
        return (0,)

    def cuCtxPopCurrent(self) -> Any:
        return 0, self.current.pop()

    def cuModuleLoadData(self, binary: bytes) -> Any:
        if not self.current:
            return self.errors.CUDA_ERROR_INVALID_CONTEXT, None
        return 0, Module(self.current[-1], self.sources[binary])

    def cuModuleGetFunction(self, module: Module, name: bytes) -> Any:
        return 0, (module, name.decode())

    def cuLaunchKernel(self, kernel: Any, *how: Any) -> Any:
        (module, name), (blocks, _, _, threads, _, _, shared, stream, given, _) = kernel, how
        if not self.current or module.device != self.current[-1]:
            return (self.errors.CUDA_ERROR_INVALID_CONTEXT,)
        if not (blocks and threads):
            return (self.errors.CUDA_ERROR_INVALID_VALUE,)
        self.launches.append(Launch(name, module.device, stream, blocks, threads, shared))
        code, options = module.source
        values = [self._given(value, kind) for value, kind in zip(*given, strict=True)]
        with self.running:
            warps.launch(code, name, options, (blocks, threads, shared), values)
        return (0,)

    def _given(self, value: Any, kind: Any) -> Any:
        """Return a number, or the memory at an address, which keeps its alignment."""
        if kind is not ctypes.c_void_p:
            return np.dtype(kind).type(value)
        before = value % PAGE
        memory = (ctypes.c_char * (before + self.bytes[value])).from_address(value - before)
        return np.frombuffer(memory, np.uint8)[before:]


_COMPILED = functools.cache(_cuda.compiled)  # for all drivers


class Stream(NamedTuple):
    """PyTorch's stream on a device, of which two things are asked."""

    cuda_stream: int
    device: torch.device | None = None


@contextlib.contextmanager
def driver(
    devices: int = 1,
    streams: Callable[[torch.device], int] = lambda device: 0,
    refuses: tuple[str, ...] = (),
) -> Iterator[Driver]:
    """Put the driver in the place of the real one, and let PyTorch say that it was built for CUDA.

    `streams` says which one is current on a device in the thread that calls; in others it is the
    default one, until they enter another.
    """
    import cuda.bindings

    stub, in_place, entering = Driver(devices, refuses), row._in_place, torch.cuda.stream
    caller, entered = threading.get_ident(), threading.local()

    def current(device: torch.device) -> Stream:
        own = streams(device) if threading.get_ident() == caller else 0
        return entered.__dict__.get(device, Stream(own, device))

    @contextlib.contextmanager
    def stream(of: Stream) -> Iterator[None]:
        with entering(of), mock.patch.dict(entered.__dict__, {of.device: of}):
            yield

    def compiled(code: str, options: tuple[str, ...], capability: int) -> bytes:
        binary = _COMPILED(code, options, capability)
        stub.sources[binary] = code, options
        return binary

    def noted(x: torch.Tensor) -> torch.Tensor:
        x = in_place(x)
        stub.bytes[x.data_ptr()] = x.numel() * x.element_size()
        return x

    def forget() -> None:
        _cuda._loaded.cache_clear()
        _cuda._primary.cache_clear()

    with (
        mock.patch.object(cuda.bindings, "driver", stub, create=True),
        mock.patch.object(_cuda, "compiled", compiled),
        mock.patch.object(row, "_in_place", noted),
        mock.patch.object(torch.version, "cuda", "12.8"),
        mock.patch.object(torch.cuda, "current_stream", current),
        mock.patch.object(torch.cuda, "stream", stream),
        mock.patch.dict(_trial.TRIED, clear=True),
    ):
        forget()
        try:
            yield stub
        finally:
            forget()
