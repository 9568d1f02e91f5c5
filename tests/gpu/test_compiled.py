"""The CUDA kernels, compiled for real devices by NVRTC, with no device and no driver.

Registers bound how many warps a multiprocessor holds, a stack frame means that an array has left
the registers, and spills that there were too few: ceilings on all three.
"""

from __future__ import annotations

import re

import pytest

from benchmarks.standins import nvrtc
from gpudict.solvers.cuda import _launch as cuda

ARCHITECTURES = ("75", "80", "90", "100", "120")
REGISTERS = {  # (kernel, real, slots): at most so many, for all numbers of atoms
    ("lasso", "float", 1): 72,
    ("lasso", "float", 2): 96,
    ("lasso", "double", 1): 96,
    ("lasso", "double", 2): 128,
    ("pursuit", "float", 1): 64,
    ("pursuit", "float", 2): 64,
    ("pursuit", "double", 1): 64,
    ("pursuit", "double", 2): 84,
    ("residual", "float", 1): 64,
    ("residual", "float", 2): 64,
    ("residual", "double", 1): 64,
    ("residual", "double", 2): 64,
    ("bound", "float", 1): 64,
    ("bound", "double", 1): 64,
    ("sphere", "float", 1): 64,
    ("sphere", "double", 1): 64,
}

pytestmark = pytest.mark.skipif(
    nvrtc.library() is None,
    reason="NVRTC is not here: python -m pip install nvidia-cuda-nvrtc-cu12",
)


@pytest.mark.parametrize("arch", [
    pytest.param(arch, marks=[pytest.mark.slow] * (arch != "90")) for arch in ARCHITECTURES
])  # fmt: skip
@pytest.mark.parametrize(("name", "real", "slots"), REGISTERS)
def test_kernels_compile_for_real_devices(name: str, real: str, slots: int, arch: str):
    for width in (1, 4, 8) if real == "float" else (1, 4):
        options = (*cuda.options(real, slots, width), f"-arch=sm_{arch}")
        out = nvrtc.compiled(cuda.source(name), *options)
        assert out.binary, out.log
        assert 0 < out.registers <= REGISTERS[name, real, slots], out.log
        assert (out.frame, out.spilled) == (0, 0), out.log


def test_bugs_are_noticed():
    """A wrong line is named with its file; an array indexed at run time leaves the registers."""
    how = (*cuda.options("float", 2, 8), "-arch=sm_90")
    code = cuda.source("lasso")
    out = nvrtc.compiled(code.replace("leave(A, place);", "leaves(A, place);"), *how)
    assert not out.binary
    assert re.search(r'lasso\.cu\(\d+\): error: identifier "leaves" is undefined', out.log)
    slow = code.replace("place < LANES ? x[0] : x[SLOTS - 1]", "x[place / LANES]")
    assert slow != code
    assert nvrtc.compiled(slow, *how).frame > 0
