"""The CUDA kernels from the PTX that NVRTC makes of them, run on the CPU.

Is the translation right? NVRTC with -fmad=false and no -ftz computes by IEEE 754 alone, as g++ does
without fma: so all that the kernels write has to be the same, bit for bit, and nearly every
instruction has a part in it. Instructions one at a time are in test_ptx_opcodes.py, the tests of
the kernels from PTX in test_kernels.py, and planted bugs in kernel_catches.py.
"""

from __future__ import annotations

import re
from unittest import mock

import numpy as np
import pytest

from benchmarks.standins import nvrtc, warps
from benchmarks.standins.ptx.running import EXACT, Fault, launch, module, on_the_ptx
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import Quadratic, least_squares, statistics
from gpudict.solvers.cuda import _certificate, warp_sphere_mm
from gpudict.solvers.cuda import _launch as cuda
from gpudict.solvers.cuda._certificate import certificate
from tests.gpu import large
from tests.support import problems

pytestmark = pytest.mark.skipif(
    warps.COMPILER is None or nvrtc.library() is None,
    reason="PTX is made by NVRTC (nvidia-cuda-nvrtc-cu12) and run through g++ on x86-64",
)
ATOMS = {8: 48, 4: 44, 1: 47}  # so many that a lane loads 8, 4, 1 at once
AROUND = {"residual": 2, "bound": 1, "sphere": 1}  # kernels without a set, and their slots
SIZES = ((175, 150), (64, 600), (300, 3), (47, 33), (128, 256))  # (k, d), for loops unrolled
VARIANTS = [
    (name, dtype, slots, width)
    for name in ("lasso", "pursuit", *AROUND)
    for dtype, widths in (("float32", (8, 4, 1)), ("float64", (4, 1)))
    for slots in (1, 2)
    for width in widths
    if name not in AROUND or (width == 1 and slots <= AROUND[name])
]
QUICK = [("lasso", "float32", 2, 8), ("pursuit", "float64", 1, 4), ("bound", "float32", 1, 1)]


def runs(name: str, dtype: str, slots: int, width: int):
    """Solve hard rows, as many as places take and more; return all that is written."""
    if name == "pursuit":
        q, _ = rows(40, ATOMS[width], 44, dtype)
        return cuda.pursuit(q, 20 * slots, 0.0, slots=slots)
    if name in AROUND:
        with mock.patch.object(_certificate, "FEW", 0 if slots == 2 else 1000):
            return [a for k, d in SIZES for a in around(dtype, k, d)]
    few, many = rows(40, ATOMS[width], 44, dtype), rows(12, 3 * ATOMS[width], 80, dtype)
    return (
        *cuda.lasso(few[0], L1(0.02), few[1], slots=(slots,), rounds=50),
        *cuda.lasso(many[0], L1(0.01), many[1], slots=(slots,), rounds=50),
        *cuda.lasso(many[0], L1(0.02, positive=True), many[1], slots=(slots,), rounds=50),
    )


def around(dtype: str, k: int, d: int):
    """Certify and update, with codes that are no numbers and atoms that come to nothing."""
    written, (q, start) = [], rows(18, k, d, dtype)
    assert q.factors is not None
    X, V = q.factors
    start[abs(start) > 100] = 0
    codes = start.copy()
    codes[13, 5], codes[17, 6] = np.nan, 1e30
    for positive, sign in ((False, -1), (True, 1)):
        with np.errstate(all="ignore"):
            written += certificate(q, L1(0.02, positive), abs(codes) if positive else codes)
        used, atoms = abs(start), sign * abs(V)
        used[:, 7], atoms[7] = 0, -1 if positive else 0  # comes to nothing
        stats, penalty = statistics(sign * X, used), UnitSphere(positive)
        state = warp_sphere_mm.SOLVER.init(stats, penalty, atoms.T)
        written.append(warp_sphere_mm.SOLVER.step(stats, penalty, state).Z)
    return written


def rows(n: int, k: int, d: int, dtype: str) -> tuple[Quadratic, np.ndarray]:
    """Return rows with ties, atoms that depend or nearly, and bad codes to start from."""
    rng = np.random.default_rng(k)
    V = problems.unit(rng.standard_normal((k, d)))
    V[3], V[5], V[9], V[11] = V[2], -V[2], V[8] + 1e-3 * V[7], V[10] + 1e-2 * V[7]
    X = rng.standard_normal((n, d)) * rng.uniform(0.1, 1, (n, 1))
    X[7] = 0
    start = rng.standard_normal((n, k)) * (rng.random((n, k)) < 0.3)
    start *= np.array([0, 1, 0, 1e6])[np.arange(n) % 4, None]
    X, V, start = (np.ascontiguousarray(a, dtype) for a in (X, V, start))
    return Quadratic(*map(np.ascontiguousarray, least_squares(X, V)[:3]), (X, V)), start


@pytest.mark.parametrize(
    "variant",
    [pytest.param(v, marks=[pytest.mark.slow] * (v not in QUICK)) for v in VARIANTS],
    ids=lambda v: "-".join(map(str, v)),
)
def test_the_same_bits_as_the_source(variant: tuple[str, str, int, int]):
    """Of nearly all instructions: the rest is for no atoms, for which `residual` has its own."""
    name, dtype, slots, width = variant
    with warps.on_the_cpu():
        source = runs(*variant)
        with on_the_ptx(more=EXACT):
            real = runs(*variant)
    for a, b in zip(source, real, strict=True):
        bits = [np.where(x != x, 0, x.view(f"u{x.itemsize}")) for x in (a, b)]  # NaN are equal
        np.testing.assert_array_equal(*bits)
    options = cuda.options("float" if dtype == "float32" else "double", slots, width)
    ran = module(cuda.source(name), name, (*options, *EXACT), False)
    assert ran.reached() >= (0.8 if name == "residual" else 0.99), ran.unreached()


@pytest.mark.parametrize(("n", "k"), [
    (60_000_000, 48),
    pytest.param(8, 50_000, marks=pytest.mark.slow),
])  # fmt: skip
def test_where_an_int_is_too_small(n: int, k: int):
    """Offsets into C and into G of more than 2³¹: the last rows, and the last atoms."""
    run = large.lasso(n, k, m=8)
    launch(cuda.source("lasso"), *large.HOW, run.shape, run.arguments, blocks=run.last)
    assert run.solved()


FAULTS = {  # what a launch may do wrong with its shape and arguments, and what is said of it
    "less shared memory than M takes": (
        lambda shape, a: ((*shape[:2], shape[2] // 2), a),
        "shared store at 16384 of 16384 bytes",
    ),
    "a warp too many": (
        lambda shape, a: ((shape[0], shape[1] + 32, shape[2]), a),
        "shared store at 32768 of 32768 bytes",
    ),
    "an int64": (
        lambda shape, a: (shape, (*a[:9], np.int64(a[9]), *a[10:])),
        "argument 9 is int64",
    ),
    "a float": (
        lambda shape, a: (shape, (*a[:9], np.float32(8), *a[10:])),
        "argument 9 is float32",
    ),
    "one too few": (lambda shape, a: (shape, a[:-1]), "15 arguments for 16 parameters"),
    "rows too few, read": (
        lambda shape, a: (shape, (*a[:5], a[5][:23], *a[6:])),
        "global load outside all buffers, at byte 4416 of buffer 5 with 4416",
    ),
    "rows too few, written": (
        lambda shape, a: (shape, (*a[:8], a[8][:23], *a[9:])),
        "global store outside all buffers, at byte 92 of buffer 8 with 92",
    ),
    "off 16 bytes": (
        lambda shape, a: (shape, (a[0], moved(a[1]), *a[2:])),
        "misaligned global load of 16 bytes",
    ),
}


@pytest.mark.parametrize("wrong", FAULTS)
def test_faults_are_named(wrong: str):
    """With the place in the source."""
    change, fault = FAULTS[wrong]
    run = large.lasso(24)
    shape, arguments = change(run.shape, run.arguments)
    with pytest.raises(Fault, match=fault) as raised:
        launch(cuda.source("lasso"), *large.HOW, shape, arguments)
    if "argument" not in fault:
        assert re.search(r"block \d, thread \d+, PTX line \d+, \w+\.cuh?:\d+$", str(raised.value))


def moved(a: np.ndarray) -> np.ndarray:
    """Return the same numbers, from the second one of their memory on."""
    out = np.zeros(a.size + 1, a.dtype)[1:].reshape(a.shape)
    out[:] = a
    return out
