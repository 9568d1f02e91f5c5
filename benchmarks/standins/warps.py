"""The CUDA kernels on the CPU: the same source, compiled by g++ behind `shim/shim.hpp`.

`on_the_cpu` puts a launcher in the place of the library's own, so all of the package that stands
around a kernel runs too, on arrays whose memory is the host's. The lanes of a warp are fibers that
meet at every shuffle and vote; with -DRACES they are threads, for the thread sanitizer.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from gpudict.solvers import places, registry
from gpudict.solvers.base import Place
from gpudict.solvers.cuda import _launch as cuda

SHIM = Path(__file__).parent / "shim"
ONE_AT_A_TIME = threading.Lock()  # the fibers of a process are one warp
COMPILER = shutil.which("g++") if platform.machine() == "x86_64" else None


def compiled(code: str, name: str, options: tuple[str, ...], *flags: str, main: str) -> Path:
    """Compile a kernel with a main of the shim, once for each content of all of them."""
    defines = [o for o in options if o.startswith("-D")]
    parts = [code, *(f.read_text() for f in sorted(SHIM.iterdir())), *defines, *flags, main]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    folder = Path(tempfile.gettempdir()) / f"gpudict-kernels-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    target = folder / f"{name}-{digest}"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=folder) as work:
        source, out = Path(work) / f"{name}.cu", Path(work) / "out"
        source.write_text(code)
        defines += [f'-DKERNELS="{source}"', f"-DENTRY={name}", f"-D{name.upper()}"]
        command = [str(COMPILER), "-std=c++20", "-w", *flags, *defines, str(SHIM / main)]
        subprocess.run([*command, "-o", str(out)], check=True)
        out.rename(target)
    return target


@functools.cache
def library(code: str, name: str, options: tuple[str, ...], *flags: str) -> ctypes.CDLL:
    """Return the kernel as a library for this process."""
    flags = ("-O2", "-shared", "-fPIC", "-fno-gnu-unique", *flags)
    return ctypes.CDLL(str(compiled(code, name, options, *flags, main="kernels.cpp")))


def launch(
    code: str,
    name: str,
    options: tuple[str, ...],
    shape: tuple[int, int, int],
    arguments: Sequence[Any],
    flags: tuple[str, ...] = (),
) -> None:
    """Run a kernel on memory of the host, as a launcher does on a device."""
    blocks, threads, shared = shape
    assert shared <= 2**16
    kept = [memory(a) for a in arguments]
    values = [np.array(a.ctypes.data, np.uint64) if a.ndim else a for a in kept]
    given = (ctypes.c_void_p * len(values))(*(v.ctypes.data for v in values))
    with ONE_AT_A_TIME:
        library(code, name, options, *flags).run(blocks, threads, given)


def memory(x: Any) -> np.ndarray:
    """Return the memory behind an array as NumPy's, in place; a number as an array without axes."""
    if isinstance(x, np.generic):
        return np.asarray(x)
    x = getattr(x, "_raw", x)  # behind a simulated device
    x = getattr(x, "_array", x)  # behind array-api-strict
    a = x.numpy() if hasattr(x, "numpy") else x
    a = np.ascontiguousarray(a)
    return a if a.ndim else a.reshape(1)


@contextlib.contextmanager
def on_the_cpu(
    place: Place | None = None, flags: tuple[str, ...] = ()
) -> Iterator[list[tuple[str, int]]]:
    """Launch kernels here, and list them with their slots.

    With a place, solvers are chosen as for arrays there.
    """
    launched: list[tuple[str, int]] = []

    def noted(*what: Any) -> None:
        (slots,) = (int(o[-1]) for o in what[2] if o.startswith("-DSLOTS="))
        launched.append((what[1], slots))
        launch(*what, flags)

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(cuda, "launcher", return_value=noted))
        stack.enter_context(mock.patch.object(places, "works", return_value=True))
        if place is not None:
            stack.enter_context(
                mock.patch.object(registry, "places_of", return_value=(place, Place.ANYWHERE))
            )
        yield launched
