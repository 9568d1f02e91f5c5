"""A model, not a measurement: the workloads of `workloads.py` where the kernels run, on an H100.

    python -m benchmarks.models.whole            # print the table
    python -m benchmarks.models.whole --write    # write it into benchmarks/README.md

What stands around the kernels is counted on the simulated device and priced by `cost_rules`. A
kernel costs its launch and the largest of its floors: those of `kernels` for the lasso, and for the
others the bytes of its arrays and the instructions that its PTX executes for a row.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.marked import put
from benchmarks.models import workloads
from benchmarks.models.device import LABEL, README, priced
from benchmarks.models.kernel_counts import COUNTED, row_counts
from benchmarks.models.kernels import H100, REACHED, floors, held
from benchmarks.race import problems
from benchmarks.standins import simulated, warps
from benchmarks.standins.counting import Counts
from benchmarks.standins.ptx import running
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import least_squares, statistics
from gpudict.solvers.base import Place
from gpudict.solvers.cuda import _certificate, warp_sphere_mm
from gpudict.solvers.cuda import _launch as cuda

BEGIN, END = "<!-- whole model: begin -->", "<!-- whole model: end -->"
HEAD = "| workload, float32, by kernels | launches | of them kernels | waits | H100, ms |"


def counted(run: Callable[[], workloads.Run]) -> Counts:
    """Return the counts of a workload, with its kernels, each as the bytes that take its time."""
    plain = warps.launch

    def noted(code: str, name: str, options: Any, shape: Any, arguments: Any, flags: Any) -> None:
        plain(code, name, options, shape, arguments, flags)
        seconds = floor(name, int(options[2][-1]), arguments)
        simulated.launched(name, seconds * H100.card.bandwidth, 0.0)

    with mock.patch.object(warps, "launch", noted), warps.on_the_cpu(Place.CUDA, COUNTED):
        return run().counts


def floor(name: str, slots: int, arguments: Sequence[Any]) -> float:
    """Return the seconds of a launch that has just been run, by its largest floor."""
    if name == "lasso":
        work = row_counts(name, "float", slots, H100.arch, 1)
        return max(floors(H100, work, "float", held(H100, name, "float", slots), True).values())
    arrays = [warps.memory(a) for a in arguments if not isinstance(a, np.generic)]
    rows = len(arrays[3] if name == "sphere" else arrays[0])
    issue = rows * executed()[name] / (H100.clock * H100.processors * 4 * REACHED)
    return max(issue, sum(a.nbytes for a in arrays) / H100.card.bandwidth)


@functools.cache
def executed(rows: int = 200) -> dict[str, float]:
    """Return the instructions of PTX that kernels around the lasso execute for a row of patches8.

    For `sphere` it is an atom.
    """
    problem = problems.load("patches8", rows)
    q, penalty = least_squares(*problem.cast("float32")), L1(problem.alpha)
    assert q.factors is not None
    with warps.on_the_cpu(), running.on_the_ptx(more=running.TORCH):
        Z, _, _ = cuda.lasso(q, penalty, np.zeros_like(q.cov), slots=(1,), rounds=100)
        _certificate.certificate(q, penalty, Z)
        stats, solver = statistics(q.factors[0], Z), warp_sphere_mm.SOLVER
        solver.step(stats, UnitSphere(), solver.init(stats, UnitSphere(), q.factors[1].T))
    options = (*cuda.options("float", 1, 1), *running.TORCH)
    found = {}
    for name, times in (("residual", rows), ("bound", rows), ("sphere", len(problem.V))):
        ran = running.module(cuda.source(name), name, options, False)
        sizes = (len(segment.body) for segment in ran.kernel.segments)
        found[name] = sum(n * size for n, size in zip(ran.seen, sizes, strict=True)) / times
    return found


def table(rows: int = 50_000) -> str:
    """Return the Markdown table of the workloads."""
    encode = functools.partial(workloads.encode, "float32", n=rows)
    cases = {
        "encode cold": encode,
        "encode warm": functools.partial(encode, warm=True),
        "one iteration of learning, the second": functools.partial(
            workloads.learn, "float32", n=rows
        ),
        "one online step of 4,096, the third": functools.partial(workloads.online_step, "float32"),
        "update, k = d = 1,024": functools.partial(workloads.update, "float32"),
    }
    lines = [HEAD, "|---" * 5 + "|"]
    for name, run in cases.items():
        counts = counted(run)
        whole, kernels = priced(counts, H100.card), sum(op.kernel for op in counts.log)
        cells = f"{whole.launches} | {kernels} | {whole.waits} | {1e3 * whole.seconds:.2f}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the table of the README")
    if parser.parse_args(argv).write:
        put(README, BEGIN, END, f"{LABEL.capitalize()}.\n\n{table()}")
    else:
        print(table())


if __name__ == "__main__":
    main()
