"""Runs kernels from PTX: `on_the_ptx` puts this launcher in the place of `warps.launch`.

    with on_the_ptx(), warps.on_the_cpu(Place.CUDA):
        gpudict.encode(X, V, alpha=0.1)

So all that stands on `warps.on_the_cpu` runs from PTX, the tests of the kernels among it. Arrays
get addresses of their own, far apart and aligned as a device has them: NumPy's would hide loads
that are misaligned, and those that lie beyond an array.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.standins import nvrtc, warps
from benchmarks.standins.ptx.cpp import Writer
from benchmarks.standins.ptx.kernel import Kernel

CUPY = ("-ftz=true", "--device-as-default-execution-space")  # what CuPy adds to a kernel's options
TORCH = ()  # PyTorch's arrays are launched by NVIDIA's bindings, which add nothing
EXACT = ("-fmad=false",)  # so that a device computes as the CPU does
ARCH = "-arch=compute_90"
FIRST, APART = 1 << 40, 1 << 44  # where the device's arrays begin, and how far apart
PATIENCE = 3_000_000  # segments until a warp counts as one that never ends


class Fault(RuntimeError):
    """A kernel or its launch did what it must not; the message says what, and where."""


class Buffer(ctypes.Structure):
    """An array of the device: [base, base + size), which is at `host`."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("base", "size", "host")),
        ("constant", ctypes.c_int),
    )


class Shape(ctypes.Structure):
    """Blocks first … first + blocks − 1 are run, of `all`."""

    _fields_ = tuple((n, ctypes.c_uint) for n in ("first", "blocks", "all", "threads", "shared"))


class Module:
    """A kernel: its PTX, what runs it, and how often each segment has run."""

    def __init__(self, ptx: str, name: str, contract: bool = False) -> None:
        self.kernel = Kernel(ptx, name, contract)
        self.seen = np.zeros(len(self.kernel.segments), np.int64)
        text = Writer(self.kernel).text()
        flags = ("-Og", "-shared", "-fPIC", "-fno-gnu-unique", "-ffp-contract=off", *_fma())
        self._library = ctypes.CDLL(str(warps.compiled(text, name, (), *flags, main="ptx.cpp")))
        self._library.run.restype = ctypes.c_char_p

    def run(self, shape: Shape, buffers: Sequence[Buffer], values: Sequence[np.ndarray]) -> None:
        """Run blocks; values are the parameters, an array without axes each."""
        pointers = (ctypes.c_void_p * len(values))(*(v.ctypes.data for v in values))
        seen, patience = ctypes.c_void_p(self.seen.ctypes.data), ctypes.c_longlong(PATIENCE)
        known = (Buffer * len(buffers))(*buffers)
        with warps.ONE_AT_A_TIME:
            wrong = self._library.run(
                ctypes.byref(shape), known, len(buffers), pointers, seen, patience
            )
        if wrong:
            raise Fault(wrong.decode())

    def reached(self) -> float:
        """Return the share of its instructions that have run."""
        sizes = np.array([len(s.body) for s in self.kernel.segments])
        return float(sizes[self.seen > 0].sum() / sizes.sum())

    def unreached(self) -> list[str]:
        """Return the lines of the source of which nothing has run."""
        lines = [{x.source for x in s.body} for s in self.kernel.segments]
        ran = {line for some, times in zip(lines, self.seen, strict=True) if times for line in some}
        return sorted({line for some in lines for line in some} - ran)


@functools.cache
def module(code: str, name: str, options: tuple[str, ...], contract: bool) -> Module:
    """Return the kernel for this process."""
    return Module(nvrtc.emitted(code, *options, ARCH, "-lineinfo"), name, contract)


def launch(
    code: str,
    name: str,
    options: tuple[str, ...],
    shape: tuple[int, int, int],
    arguments: Sequence[Any],
    flags: tuple[str, ...] = (),  # of g++ for the source
    *,
    more: tuple[str, ...] = CUPY,
    contract: bool = False,
    blocks: range | None = None,
) -> None:
    """Run a kernel on memory of the host, as a launcher does on a device; some blocks if told."""
    ours = module(code, name, (*options, *more), contract)
    signature = re.search(rf"__global__ void {name}\((.*?)\)", code, re.S)
    assert signature is not None
    constant = [p.strip().startswith("const ") for p in signature[1].split(",")]
    kinds = {"float": "f4", "double": "f8"}
    types = [np.dtype(kinds.get(t, t.removesuffix("_t"))) for t in ours.kernel.parameters]
    if len(arguments) != len(types):
        raise Fault(f"{len(arguments)} arguments for {len(types)} parameters")
    buffers, values = [], []
    kept = [warps.memory(a) for a in arguments]
    for i, (a, t) in enumerate(zip(kept, types, strict=True)):
        value = a
        if a.ndim:
            base = FIRST + APART * i + _offset(a)
            buffers.append(Buffer(base, a.nbytes, a.ctypes.data, constant[i]))
            value = np.array(base, np.uint64)
        if value.dtype.itemsize != t.itemsize or (value.dtype.kind == "f") != (t.kind == "f"):
            raise Fault(f"argument {i} is {value.dtype}, the parameter {t}")
        values.append(value)
    run = range(shape[0]) if blocks is None else blocks
    ours.run(Shape(run.start, len(run), *shape), buffers, values)


def _offset(a: np.ndarray) -> int:
    """Return how far into its own memory an array begins, in bytes."""
    owner = a
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    before = getattr(owner.base, "storage_offset", lambda: 0)()  # of a tensor of PyTorch
    return a.ctypes.data - owner.ctypes.data + before * owner.itemsize


def _fma() -> list[str]:
    """Return the flag for a CPU that has fma; elsewhere the same numbers come from a library."""
    about = Path("/proc/cpuinfo")
    return ["-mfma"] if about.exists() and " fma " in about.read_text() else []


@contextlib.contextmanager
def on_the_ptx(**how: Any) -> Iterator[None]:
    """Let `warps.on_the_cpu` run PTX; `more` and `contract` are those of `launch`."""
    with mock.patch.object(warps, "launch", functools.partial(launch, **how)):
        yield
