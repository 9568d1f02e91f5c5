"""A model, not a measurement: what the CUDA kernels would cost on an H100, and when to use them.

    python -m benchmarks.models.kernels            # print the tables
    python -m benchmarks.models.kernels --write    # write them into benchmarks/README.md

From the counts of `kernel_counts` follow four floors of a kernel: issue (4 instructions a cycle,
reached to two thirds), bytes (from L2, or from memory where the Grams outgrow it), wavefronts of
shared memory, and latency with as many warps as fit. The largest is the model's time; the sum would
be that of a device that overlaps nothing. The kernels of the certificate and of the update cost the
bytes of their arrays, or the instructions that their PTX executes. What stands around kernels is
priced by `cost_rules`.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import gpudict

if importlib.util.find_spec("torch") is None:
    raise SystemExit("benchmarks.models.kernels needs PyTorch: python -m pip install '.[bench]'")

from benchmarks.marked import put
from benchmarks.models import kernel_counts
from benchmarks.models.cards import CARDS, Card
from benchmarks.models.device import LABEL, README, priced
from benchmarks.models.kernel_counts import COUNTED, WIDTH, disassembler, row_counts
from benchmarks.models.workloads import Run
from benchmarks.race import problems
from benchmarks.race.problems import unit
from benchmarks.standins import nvrtc, warps
from benchmarks.standins.counting import Counts
from benchmarks.standins.ptx import running
from benchmarks.standins.simulated import launched, simulated, to_device
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import least_squares, statistics
from gpudict.solvers import places
from gpudict.solvers.base import Place
from gpudict.solvers.cuda import _launch as cuda
from gpudict.solvers.cuda import warp_sphere_mm
from gpudict.solvers.cuda._certificate import FEW, certificate

BEGIN, END = "<!-- kernel model: begin -->", "<!-- kernel model: end -->"
REACHED = 2 / 3  # of 4 instructions a cycle
CYCLES = {"load": 270, "shared": 23, "shuffle": 23}  # latencies, assumed
OTHER = 5  # likewise
OVERLAP = 4  # loads in flight at once: the loops are unrolled
REAL = {"float32": "float", "float64": "double"}
ROWS = 50_000
SIZES = ((256, 64), (1024, 64), (1024, 256), (2048, 256), (4096, 256), (8192, 1024))  # (k, d)
AROUND = ("residual", "bound", "sphere")  # kernels beside those of a row's solution
PLACES = {
    "portable": Place.ANYWHERE,
    "one kernel": Place.CUDA,
    "a kernel a round": Place.CUDA_MANY,
}


class Chip(NamedTuple):
    """A device: its card, multiprocessors, cycles/s, bytes/s of L2; registers and bytes of each."""

    card: Card
    arch: str
    processors: int
    clock: float
    l2: float
    registers: int
    shared: int


H100 = Chip(CARDS["H100"], "90", 132, 1.7e9, 5.5e12, 65536, 228 * 1024)


def held(chip: Chip, name: str, real: str, slots: int) -> int:
    """Return how many warps of a kernel a multiprocessor holds."""
    options = (*cuda.options(real, slots, WIDTH[real]), f"-arch=sm_{chip.arch}")
    registers = -(-nvrtc.compiled(cuda.source(name), *options).registers // 8) * 8
    warps_ = cuda.SHARED // ((cuda.LANES * slots) ** 2 * (4 if real == "float" else 8))
    by_registers = chip.registers // (registers * cuda.LANES * warps_)
    return warps_ * min(by_registers, chip.shared // (cuda.SHARED + 1024))


def floors(
    chip: Chip, counts: kernel_counts.Counts, real: str, at_once: int, small: bool
) -> dict[str, float]:
    """Return the seconds of a row by each floor; `small` where all Grams fit L2."""
    width, cycle = 4 if real == "float" else 8, 1 / (chip.clock * chip.processors)
    waits = counts.loads * CYCLES["load"] + counts.shared * CYCLES["shared"]
    waits = (waits + counts.shuffles * CYCLES["shuffle"]) / OVERLAP
    others = counts.instructions - counts.loads - counts.shared - counts.shuffles
    return {
        "issue": cycle * counts.instructions / 4 / REACHED,
        "bytes": counts.loads * cuda.LANES * 16 / (chip.l2 if small else chip.card.bandwidth),
        "shared": cycle * counts.shared * width / 4,
        "latency": cycle * (waits + others * OTHER) / at_once,
    }


def patches(dtype: str, name: str, rows: int) -> kernel_counts.Counts:
    """Return the counts of a row of patches8, of the lasso or of a pursuit of 10 atoms."""
    problem = problems.load("patches8", rows)
    q = least_squares(*problem.cast(dtype))
    with warps.on_the_cpu(flags=COUNTED):
        if name == "lasso":
            cuda.lasso(q, L1(problem.alpha), np.zeros_like(q.cov), slots=(1,), rounds=100)
        else:
            cuda.pursuit(q, 10, 0.0, slots=1)
    return row_counts(name, REAL[dtype], 1, H100.arch, rows)


def of_kernels() -> str:
    """Return the Markdown table of both kernels on the patches."""
    titles = "instructions a row | loads | warps held | issue | bytes | shared | latency | model"
    lines = [f"| kernel | {titles} | if nothing overlaps |", "|---" * 10 + "|"]
    for name in ("lasso", "pursuit"):
        for dtype, real in REAL.items():
            counts, at_once = patches(dtype, name, 2000), held(H100, name, real, 1)
            ms = [1e3 * ROWS * s for s in floors(H100, counts, real, at_once, True).values()]
            cells = [f"{counts.instructions:,.0f}", f"{counts.loads:.0f}", str(at_once)]
            cells += [f"{m:.2f}" for m in (*ms, max(ms), sum(ms))]
            lines.append(f"| {name}, {dtype} | {' | '.join(cells)} |")
    return "\n".join(lines)


def signal(n: int, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of norm 1 made of 10 of k random atoms and noise, and the atoms."""
    rng = np.random.default_rng(0)
    V = unit(rng.standard_normal((k, d)))
    X = 0.2 * rng.standard_normal((n, d)) / np.sqrt(d)
    for row in X:
        row += rng.standard_normal(10) @ V[rng.choice(k, 10, replace=False)]
    return unit(X).astype(np.float32), V.astype(np.float32)


def executed(X: np.ndarray, V: np.ndarray, alpha: float) -> dict[str, float]:
    """Return the instructions of PTX that the kernels around the lasso execute for a row of X.

    In float32; for `sphere` it is an atom.
    """
    q = least_squares(X, V)
    with warps.on_the_cpu(), running.on_the_ptx(more=running.TORCH):
        Z, _, _ = cuda.lasso(q, L1(alpha), np.zeros_like(q.cov), slots=(1,), rounds=100)
        for name in AROUND:
            _ran(name, X).seen[:] = 0
        certificate(q, L1(alpha), Z)
        stats, solver = statistics(X, Z), warp_sphere_mm.SOLVER
        solver.step(stats, UnitSphere(), solver.init(stats, UnitSphere(), V.T))
    found = {}
    for name in AROUND:
        ran = _ran(name, X)
        sizes = (len(segment.body) for segment in ran.kernel.segments)
        total = sum(n * size for n, size in zip(ran.seen, sizes, strict=True))
        found[name] = float(total) / (len(V) if name == "sphere" else len(X))
    return found


def _ran(name: str, X: np.ndarray) -> running.Module:
    slots = 2 if name == "residual" and X.shape[1] > FEW else 1
    options = (*cuda.options("float", slots, 1), *running.TORCH)
    return running.module(cuda.source(name), name, options, False)


def counted(
    run: Callable[[], Run], around: dict[str, float], place: Place = Place.CUDA, small: bool = True
) -> Counts:
    """Return the counts of a workload, with its kernels, each as the bytes that take its time.

    `around` are the instructions a row of those that `floors` does not know.
    """
    plain, chip = warps.launch, H100

    def noted(code: str, name: str, options: Any, shape: Any, arguments: Any, flags: Any) -> None:
        plain(code, name, options, shape, arguments, flags)
        if name == "lasso":
            slots = int(options[2][-1])
            work, at_once = (
                row_counts(name, "float", slots, chip.arch, 1),
                held(chip, name, "float", slots),
            )
            time = max(floors(chip, work, "float", at_once, small).values())
        else:
            arrays = [warps.memory(a) for a in arguments if not isinstance(a, np.generic)]
            rows = len(arrays[3] if name == "sphere" else arrays[0])
            issue = rows * around[name] / (chip.clock * chip.processors * 4 * REACHED)
            time = max(issue, sum(a.nbytes for a in arrays) / chip.card.bandwidth)
        launched(name, time * chip.card.bandwidth, 0.0)

    with mock.patch.object(warps, "launch", noted), warps.on_the_cpu(place, COUNTED):
        return run().counts


def seconds(way: str, X: np.ndarray, V: np.ndarray, alpha: float) -> float:
    """Return the modelled seconds of an encode in float32, by one of PLACES."""
    (k, _), place = V.shape, PLACES[way]
    limits = {Place.CUDA_MANY: 0, Place.CUDA: 10**9}
    limit = limits.get(place, places.GRAM_LIMIT)
    ours: list[Any] = [to_device(a) for a in (X, V)]

    def encode() -> Run:
        with simulated() as counts:
            return Run(counts, gpudict.encode(*ours, alpha=alpha), way)

    small = place is Place.CUDA and 4 * k * k <= H100.card.l2
    around = {} if place is Place.ANYWHERE else executed(X[:50], V, alpha)
    with mock.patch.object(places, "WARP_GRAM_LIMIT", limit):
        return priced(counted(encode, around, place, small), H100.card).seconds


def of_sizes() -> str:
    """Return the Markdown table of ways to encode, by the numbers of atoms and features.

    Drawn as a line through two numbers of rows that are run.
    """
    lines = ["| k | d | " + " | ".join(f"{way}, ms" for way in PLACES) + " |", "|---" * 5 + "|"]
    for k, d in SIZES:
        few, many = (250, 750) if k > 2048 else (500, 1500)
        X, V = signal(many, k, d)
        cells = []
        for way in PLACES:
            one, other = (seconds(way, X[:n], V, 0.1) for n in (few, many))
            slope = (other - one) / (many - few)
            cells.append(f"{1e3 * (one + slope * (ROWS - few)):.1f}")
        lines.append(f"| {k:,} | {d:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def written() -> str:
    """Return what stands between the marks of benchmarks/README.md."""
    return "\n\n".join([
        f"{LABEL.capitalize()}: milliseconds of {ROWS:,} rows on an {H100.card.name}. The kernels "
        "alone, patches8, k = 256:",
        of_kernels(),
        "A whole `encode` in float32, rows of 10 random atoms and noise, alpha = 0.1:",
        of_sizes(),
    ])  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the tables of the README")
    given = parser.parse_args(argv)
    if warps.COMPILER is None or nvrtc.library() is None or disassembler() is None:
        parser.exit(1, "The model needs g++ on x86-64 and nvdisasm. Install the rest with: "
                    "python -m pip install nvidia-cuda-nvrtc-cu12 triton\n")  # fmt: skip
    if given.write:
        put(README, BEGIN, END, written())
    else:
        print(written())


if __name__ == "__main__":
    main()
