"""'cuda' as a device type on a machine without CUDA, so that tensors can say that they are there.

PyTorch asks a *device guard* for every device type: which device is current, which stream. A build
for CPUs has none for CUDA, so one is compiled here, 20 lines that know of two devices and their
default streams (about two seconds, once; kept in PyTorch's folder of extensions). Nothing else of
CUDA is there: no memory and no kernel. `benchmarks.standins.simulated` gives the tensors values and
counts.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch
from torch._appdirs import user_cache_dir

SOURCE = r"""
#include <c10/core/impl/DeviceGuardImplInterface.h>

thread_local c10::DeviceIndex current = 0;

struct TwoDevices final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::DeviceType::CUDA; }
  c10::Device getDevice() const override { return {c10::DeviceType::CUDA, current}; }
  void setDevice(c10::Device d) const override { current = d.index(); }
  void uncheckedSetDevice(c10::Device d) const noexcept override { current = d.index(); }
  c10::Device exchangeDevice(c10::Device d) const override {
    c10::Device before = getDevice();
    setDevice(d);
    return before;
  }
  c10::Stream getStream(c10::Device d) const override {
    return c10::Stream(c10::Stream::DEFAULT, d);
  }
  c10::Stream exchangeStream(c10::Stream s) const override { return s; }
  c10::DeviceIndex deviceCount() const noexcept override { return 2; }
};

C10_REGISTER_GUARD_IMPL(CUDA, TwoDevices)
"""


class Unavailable(RuntimeError):
    """The device type can't be had on this machine; the message says why."""


@functools.cache
def load() -> None:
    """Register the guard, once a process.

    Raises
    ------
    Unavailable
        There is no compiler, it failed, or a real CUDA device is there.
    """
    if torch.cuda.is_available():
        raise Unavailable("a real CUDA device is here, and the simulated one would hide it")
    try:
        ctypes.CDLL(str(_library()))
    except OSError as error:
        raise Unavailable(f"the compiled device guard can't be loaded: {error}") from error


def _library() -> Path:
    """Return the compiled guard, compiled if it is not there yet."""
    key = hashlib.sha256((SOURCE + torch.__version__).encode()).hexdigest()[:12]
    root = os.environ.get("TORCH_EXTENSIONS_DIR") or user_cache_dir(appname="torch_extensions")
    target = Path(root) / "gpudict_guard" / f"{key}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            made = _compiled(Path(folder))
            made.replace(target)  # at once, for others may be doing the same
    return target


def _compiled(folder: Path) -> Path:
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise Unavailable("no C++ compiler is on PATH (g++ or c++), and the device guard needs one")
    source, made = folder / "guard.cpp", folder / "guard.so"
    source.write_text(SOURCE)
    home = Path(torch.__file__).parent
    options = ["-O0", "-std=c++20", "-shared", "-fPIC", f"-I{home / 'include'}"]
    options += [f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"]
    linked = [f"-L{home / 'lib'}", "-lc10", "-o", str(made)]
    try:
        subprocess.run(
            [compiler, *options, str(source), *linked], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise Unavailable(f"{compiler} could not compile the device guard: {said[:1]}") from error
    return made
