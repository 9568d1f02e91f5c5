"""What the device model runs: the package's real calls, on a device that counts.

A workload is a function of the dtype that returns a `Run`. All rows are really coded, on the CPU
behind the simulated device; the largest workload, which no CPU here could code, has tensors without
values instead, and the course of its rounds is written down as an assumption.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import gpudict
from benchmarks.race import problems
from benchmarks.race.problems import Problem, unit
from benchmarks.race.problems._photo import patches
from benchmarks.standins.counting import Counts
from benchmarks.standins.fake import Script, empty, faked
from benchmarks.standins.simulated import raw, simulated, to_device
from gpudict.arrays.door import draws
from gpudict.coding.budget import rows_a_batch
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.learning import online, updates
from gpudict.learning.alternate import alternate
from gpudict.learning.samples import Samples
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import statistics

TOL = {"float32": 1e-5, "float64": 1e-8}
ACTIVATIONS = (100_000, 4096, 32_768)  # n, d, k
COURSE = (0.0, 0.84, 1.0)  # share of rows that a round finishes, as encode of patches8 does
WIDTH = 20  # non-zeros of a row at most, likewise


class Run(NamedTuple):
    """Counts of a workload, what came of it, and notes for people."""

    counts: Counts
    found: Any
    note: str


def encode(dtype: str, name: str = "patches8", n: int | None = None, warm: bool = False) -> Run:
    """Code a problem; warm, from the codes of a dictionary that was perturbed by 3 %."""
    problem = problems.load(name, n)
    X, V = problem.cast(dtype)
    start = optimum_nearby(problem).astype(dtype) if warm else None
    with simulated() as counts:
        init = None if start is None else to_device(start)
        options: dict[str, Any] = {"alpha": problem.alpha, "tol": TOL[dtype], "init": init}
        found = gpudict.encode(to_device(X), to_device(V), **options)
    left = [check.unfinished for check in found.history]
    note = f"{len(X)} × {X.shape[1]}, k = {len(V)}; {found.n_iter} rounds leave {left} rows"
    return Run(counts, found, note)


def optimum_nearby(problem: Problem) -> np.ndarray:
    """Return the optimal codes over atoms that are 3 % away."""
    rng = np.random.default_rng(0)
    noise = 0.03 * unit(rng.standard_normal(problem.V.shape))
    moved = unit(problem.V + noise)
    return gpudict.encode(problem.X, moved, alpha=problem.alpha).Z


def learn(dtype: str, name: str = "patches8", n: int | None = None, iteration: int = 1) -> Run:
    """Make one iteration of `dict_learning`, from random samples as atoms: the second, warm."""
    problem = problems.load(name, n).from_samples()
    X, V = (to_device(a) for a in problem.cast(dtype))
    with simulated() as counts:
        recipe = updates.recipe_for(X, len(V), alpha=problem.alpha)
        rounds = alternate(Samples.of(X), V, None, recipe, draws(0))
        mark = 0
        for _ in range(iteration + 1):
            mark, found = len(counts.log), next(rounds)
    shape = f"{len(X)} × {X.shape[1]}, k = {len(V)}"
    return Run(counts.since(mark), found, f"{shape}; iteration {iteration + 1}")


def online_step(dtype: str, name: str = "patches8", batch: int = 4096, steps: int = 3) -> Run:
    """Make the last of a few steps of online learning, from random samples as atoms."""
    problem = problems.load(name, batch * steps).from_samples()
    X, V = (to_device(a) for a in problem.cast(dtype))
    with simulated() as counts:
        recipe, rng = updates.recipe_for(X, len(V), alpha=problem.alpha), draws(0)
        state = online.begin(Samples.of(X), recipe, V, rng)
        mark = 0
        for first in range(0, batch * steps, batch):
            mark = len(counts.log)
            found = online.step(state, Samples.of(X[first : first + batch, :]), recipe, rng)
            state = found.state
    return Run(counts.since(mark), found, f"{batch} × {X.shape[1]}, k = {len(V)}; step {steps}")


def update(dtype: str, k: int = 1024, side: int = 32, n: int = 4000) -> Run:
    """Update k atoms, random patches of a photograph, for the codes of n others over them."""
    data = patches(side, n + k)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(data))
    host, start, d = data[order[:n]], data[order[n : n + k]], side * side
    codes = gpudict.encode(host, start, alpha=0.3).Z  # 6 non-zeros a row
    X, U, V = (to_device(a.astype(dtype)) for a in (host, codes, start))
    with simulated() as counts:
        q = statistics(X, U)
        step = updates.dictionary_step("auto", X, positive=False)
        mark = len(counts.log)
        found = step(q, V)
    after = {"q": q, "before": V, "after": found}
    return Run(counts.since(mark), after, f"k = {k}, d = {d}; {step.steps} steps")


def script(rows: int, course: tuple[float, ...] = COURSE, width: int = WIDTH) -> Script:
    """Answer what an encode of batches of that many rows reads, as if it took this course."""
    left, number = rows, 0

    def answer(asking: str) -> list[float]:
        nonlocal left, number
        if asking == "check.samples_and_atoms":  # finite, and no atom too short
            return [1.0, 1.0, 1.0]
        if asking.endswith("working_set.init"):
            left, number = rows, 0
            return [0.0]  # a cold start
        if asking == "loop._look":
            done = round(course[number] * left)
            left, number = left - done, number + 1
            return [1e-3, done, width]
        assert asking == "refinement._count", f"{asking} reads, and the script has no answer"
        return [0.0]  # no row is short

    return answer


def activations(dtype: str, batches: int = 2) -> Run:
    """Code activations of a language model over 32,768 atoms: some batches, without values."""
    n, d, k = ACTIVATIONS
    with faked(script(0)):
        X, V = (empty(s, d, dtype=getattr(torch, dtype)) for s in (n, k))
        plan = Plan.of(X, k, L1(1.0), solver="cd", tol=None, max_iter=None)
        size = rows_a_batch(Request(X, V), plan, sparse=False)
    with faked(script(size)) as counts:
        X, V = (empty(s, d, dtype=getattr(torch, dtype)) for s in (batches * size, k))
        found = gpudict.encode(X, V, alpha=1.0, batch_size=size)
    note = f"{batches} of {-(-n // size)} batches of {size} rows × {d}, k = {k}; rounds assumed"
    return Run(counts, found, note)


WORKLOADS: dict[str, Callable[[str], Run]] = {
    "encode cold": encode,
    "encode warm": lambda dtype: encode(dtype, warm=True),
    "one iteration": learn,
    "one online step": online_step,
    "update": update,
    "activations": activations,
}


def values(x: torch.Tensor) -> np.ndarray:
    """Return the values of a simulated tensor, for who judges it."""
    return raw(x).numpy()
