"""A model, not a measurement: what the CUDA kernels would cost on an H100, and when to use them.

    python -m benchmarks.models.kernels            # print the tables
    python -m benchmarks.models.kernels --write    # write them into benchmarks/README.md

From the counts of `kernel_counts` follow four floors of a kernel: issue (4 instructions a cycle,
reached to two thirds), bytes (from L2, or from memory where the Grams outgrow it), wavefronts of
shared memory, and latency with as many warps as fit. The largest is the model's time; the sum would
be that of a device that overlaps nothing. What stands around a kernel is priced by `cost_rules`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import gpudict

if importlib.util.find_spec("torch") is None:
    raise SystemExit("benchmarks.models.kernels needs PyTorch: python -m pip install '.[bench]'")

from benchmarks.marked import put
from benchmarks.models.cards import CARDS, Card
from benchmarks.models.device import LABEL, README, priced
from benchmarks.models.kernel_counts import COUNTED, WIDTH, Counts, disassembler, row_counts
from benchmarks.race import problems
from benchmarks.race.problems import unit
from benchmarks.standins import nvrtc, warps
from benchmarks.standins.simulated import simulated, to_device
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import least_squares
from gpudict.solvers import places
from gpudict.solvers.base import Place
from gpudict.solvers.cuda import _launch as cuda

BEGIN, END = "<!-- kernel model: begin -->", "<!-- kernel model: end -->"
REACHED = 2 / 3  # of 4 instructions a cycle
CYCLES = {"load": 270, "shared": 23, "shuffle": 23}  # latencies, assumed
OTHER = 5  # likewise
OVERLAP = 4  # loads in flight at once: the loops are unrolled
REAL = {"float32": "float", "float64": "double"}
ROWS = 50_000
SIZES = ((256, 64), (1024, 64), (1024, 256), (2048, 256), (4096, 256), (8192, 1024))  # (k, d)
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


def floors(chip: Chip, counts: Counts, real: str, at_once: int, small: bool) -> dict[str, float]:
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


def patches(dtype: str, name: str, rows: int) -> Counts:
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


def seconds(way: str, X: np.ndarray, V: np.ndarray, alpha: float) -> float:
    """Return the modelled seconds of an encode in float32, by one of PLACES."""
    (k, _), place, real = V.shape, PLACES[way], "float"
    limits = {Place.CUDA_MANY: 0, Place.CUDA: 10**9}
    limit = limits.get(place, places.GRAM_LIMIT)
    ours: list[Any] = [to_device(a) for a in (X, V)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(places, "WARP_GRAM_LIMIT", limit))
        counts = stack.enter_context(simulated())
        launched = stack.enter_context(warps.on_the_cpu(place, COUNTED))
        gpudict.encode(*ours, alpha=alpha)
    total = priced(counts, H100.card).seconds
    small = place is Place.CUDA and 4 * k * k <= H100.card.l2
    for slots in {slots for _, slots in launched}:
        work = row_counts("lasso", real, slots, H100.arch, 1)
        total += max(floors(H100, work, real, held(H100, "lasso", real, slots), small).values())
    return total


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
