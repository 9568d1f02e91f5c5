"""The CUDA kernels, compiled for real architectures by NVIDIA's run-time compiler, with no device.

The compiler comes as a package, nvidia-cuda-nvrtc-cu12, and is called as its own documentation has
it (https://docs.nvidia.com/cuda/nvrtc/).
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
from pathlib import Path
from typing import NamedTuple


class Compiled(NamedTuple):
    """The binary, empty if it failed; the log; registers, bytes of the stack frame and spilled."""

    binary: bytes
    log: str
    registers: int
    frame: int
    spilled: int


class Refused(ValueError):
    """What the compiler says of code that it does not take."""


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the compiler, None if it is not installed."""
    found = importlib.util.find_spec("nvidia") and importlib.util.find_spec("nvidia.cuda_nvrtc")
    if not found:
        return None
    folder = Path(next(iter(found.submodule_search_locations)), "lib")
    return ctypes.CDLL(str(next(folder.glob("libnvrtc.so.*"))))


def compiled(code: str, *options: str) -> Compiled:
    """Compile with these options, among them -arch=sm_…"""
    failed, log, binary = _made("CUBIN", code, *options, "--ptxas-options=-v")
    used = re.search(r"Used (\d+) registers", log)
    frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", log)
    sizes = (int(frame[1]), int(frame[2])) if frame else (0, 0)
    return Compiled(b"" if failed else binary, log, int(used[1]) if used else 0, *sizes)


def emitted(code: str, *options: str) -> str:
    """Return the PTX that it makes with these options, among them -arch=compute_…"""
    failed, log, ptx = _made("PTX", code, *options)
    if failed:
        raise Refused(log)
    return ptx.rstrip(b"\0").decode()


def _made(what: str, code: str, *options: str) -> tuple[bool, str, bytes]:
    """Return whether it failed, the log, and what is wanted of it."""
    rtc, program, size = library(), ctypes.c_void_p(), ctypes.c_size_t()
    assert rtc is not None
    rtc.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None)
    flags = [option.encode() for option in options]
    failed = rtc.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
    parts = []
    for content in ("ProgramLog", what):
        getattr(rtc, f"nvrtcGet{content}Size")(program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        getattr(rtc, f"nvrtcGet{content}")(program, text)
        parts.append(text.raw)
    rtc.nvrtcDestroyProgram(ctypes.byref(program))
    return bool(failed), parts[0].rstrip(b"\0").decode(), parts[1]
