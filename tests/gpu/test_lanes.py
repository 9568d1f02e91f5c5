"""The lanes of a CUDA kernel, run on the CPU: they meet, and share no memory that is written."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import gpudict
from benchmarks.standins import warps
from gpudict.solvers.base import Place
from gpudict.solvers.cuda import _launch as cuda
from tests.support import problems

pytestmark = pytest.mark.skipif(
    warps.COMPILER is None,
    reason="the CUDA kernels run on the CPU through g++ on x86-64, which is not here",
)


def rows(name: str, real: str, slots: int, bug: tuple[str, str], *flags: str):
    """Run a few rows in a process of their own, from a source with a bug if one is given."""
    code = cuda.source(name)
    assert bug[0] in code
    options, flags = cuda.options(real, slots, 4), ("-O1", "-g", *flags)
    program = warps.compiled(code.replace(*bug), name, options, *flags, main="rows.cpp")
    fixed = (
        [path, "-R"] if (path := shutil.which("setarch")) else []
    )  # addresses, for the sanitizer
    return subprocess.run([*fixed, str(program)], capture_output=True, text=True, check=False)


NO_BUG = ("", "")


def test_lanes_that_part_are_noticed():
    """Lanes meet at every shuffle and vote: a branch that differs between them ends the run."""
    assert rows("lasso", "float", 1, NO_BUG).returncode == 0
    parted = rows("lasso", "float", 1, ("while (A.used) {", "while (in(A.used, 0)) {"))
    assert parted.returncode != 0
    assert "Lanes part" in parted.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lasso", "pursuit"])
@pytest.mark.parametrize(("real", "slots"), [("float", 1), ("double", 2)])
def test_no_races(name: str, real: str, slots: int):
    """Shuffles order nothing here but what they carry: lanes share no memory that is written."""
    watched = rows(name, real, slots, NO_BUG, "-DRACES", "-fsanitize=thread")
    assert (watched.returncode, watched.stderr) == (0, "")


@pytest.mark.slow
def test_threads_compute_what_fibers_do():
    """Lanes in any order give the same bits."""
    X, V = (a.astype("float32") for a in problems.signal(n=6, d=12, k=16, seed=4))
    codes = []
    for flags in ((), ("-DRACES",)):
        with warps.on_the_cpu(Place.CUDA, flags) as launched:
            codes.append(gpudict.encode(X, V, alpha=0.1).Z)
        assert launched[0] == ("lasso", 1)
    np.testing.assert_array_equal(*codes)


@pytest.mark.slow
def test_races_are_noticed():
    """A lane that reads the column of another is one."""
    bug = ("+= A.entry(b, s) * xb", "+= A.M[b * PLACES + s * LANES - (lane() > 0)] * xb")
    watched = rows("lasso", "float", 1, bug, "-DRACES", "-fsanitize=thread")
    assert "data race" in watched.stderr
