"""The CUDA kernels, compiled for real devices by NVRTC, with no device and no driver.

Registers bound how many warps a multiprocessor holds, a stack frame means that an array has left
the registers, and spills that there were too few: ceilings on all three.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
from pathlib import Path

import pytest

from gpudict.kernels import cuda

ARCHITECTURES = ("75", "80", "90", "100", "120")
REGISTERS = {  # (kernel, real, slots): at most so many, for a number of atoms that 4 divides or not
    ("lasso", "float", 1): 72,
    ("lasso", "float", 2): 96,
    ("lasso", "double", 1): 96,
    ("lasso", "double", 2): 128,
    ("pursuit", "float", 1): 56,
    ("pursuit", "float", 2): 64,
    ("pursuit", "double", 1): 64,
    ("pursuit", "double", 2): 84,
}


@functools.cache
def nvrtc() -> ctypes.CDLL:
    """Return NVIDIA's run-time compiler, from its package."""
    found = importlib.util.find_spec("nvidia") and importlib.util.find_spec("nvidia.cuda_nvrtc")
    if not found:
        pytest.skip("NVRTC is not here: python -m pip install nvidia-cuda-nvrtc-cu12")
    (library,) = Path(next(iter(found.submodule_search_locations)), "lib").glob("libnvrtc.so.*")
    return ctypes.CDLL(str(library))


def compiled(code: str, *options: str) -> tuple[int, str]:
    """Compile for a real architecture; return the bytes of the binary, 0 if none, and the log."""
    rtc, program, size = nvrtc(), ctypes.c_void_p(), ctypes.c_size_t()
    rtc.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None)
    flags = [option.encode() for option in (*options, "--ptxas-options=-v")]
    failed = rtc.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
    rtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    rtc.nvrtcGetProgramLog(program, log)
    rtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    rtc.nvrtcDestroyProgram(ctypes.byref(program))
    return 0 if failed else size.value, log.value.decode()


def used(log: str) -> tuple[int, int, int]:
    """Return registers, bytes of the stack frame and bytes spilled."""
    registers = re.search(r"Used (\d+) registers", log)
    frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", log)
    return int(registers[1]), int(frame[1]), int(frame[2])


@pytest.mark.parametrize("arch", [
    pytest.param(arch, marks=[pytest.mark.slow] * (arch != "90")) for arch in ARCHITECTURES
])  # fmt: skip
@pytest.mark.parametrize(("name", "real", "slots"), REGISTERS)
def test_kernels_compile_for_real_devices(name: str, real: str, slots: int, arch: str):
    for width in (1, 4):
        options = (*cuda.options(real, slots, width), f"-arch=sm_{arch}")
        size, log = compiled(cuda.source(name), *options)
        assert size, log
        registers, frame, spilled = used(log)
        assert registers <= REGISTERS[name, real, slots], log
        assert (frame, spilled) == (0, 0), log


def test_bugs_are_noticed():
    """A wrong line is named with its file; an array indexed at run time leaves the registers."""
    how = (*cuda.options("float", 2, 4), "-arch=sm_90")
    code = cuda.source("lasso")
    typo = code.replace("leave(A, place);", "leaves(A, place);")
    size, log = compiled(typo, *how)
    assert size == 0
    assert re.search(r'lasso\.cu\(\d+\): error: identifier "leaves" is undefined', log)
    slow = code.replace("place < LANES ? x[0] : x[SLOTS - 1]", "x[place / LANES]")
    assert slow != code
    assert used(compiled(slow, *how)[1])[1] > 0
