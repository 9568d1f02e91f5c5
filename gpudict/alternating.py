"""The alternation: code all samples, update all atoms, repeat.

`alternate` is the loop, a generator of iterations; what to do about them (stop, report, call back)
is decided by whoever walks it. Each half-step is the quadratic of the other: the codes solve it for
(X, V), the atoms for the statistics A = UᵀU, B = UᵀX. Neither half-step raises the objective.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from gpudict._array import Array, array_namespace, float64_of, read, to_host
from gpudict.atoms import revived, unused
from gpudict.codes import Codes, coded
from gpudict.coding import Solution
from gpudict.history import Progress
from gpudict.streaming import Samples
from gpudict.updates import Recipe


class Iteration(NamedTuple):
    """One iteration as it happens: the codes, the atoms updated from them, and its record.

    `last` says that no other follows, for `tol` or `max_iter` has been reached.
    """

    codes: Codes
    dictionary: Array
    gap: Array
    converged: bool
    progress: Progress
    last: bool = False

    @property
    def code(self) -> Array:
        """The codes as an array (n, k), made when it is asked for."""
        return self.codes.array()


def alternate(
    samples: Samples,
    V: Array,
    codes: Codes | None,
    how: Recipe,
    rng: Any,
    n_jobs: int | None = None,
) -> Iterator[Iteration]:
    """Yield iteration after iteration from atoms V and, for a warm start, codes."""
    began, square, penalty = time.perf_counter(), samples.squares(), how.problem.penalty
    scale = samples.typical(square)
    for iteration in count():
        codes, found = coded(samples.X, V, how.problem, codes, n_jobs)
        q = codes.statistics(samples)
        V, dead = how.update(q, V), unused(q, scale)
        cost = samples.summed(codes.costs(samples.X, V, penalty), float64_of(samples.X))
        objective, gap, dead_atoms, converged = summary(cost, found, square, dead)
        seconds = time.perf_counter() - began
        progress = Progress(iteration, objective, gap, round(dead_atoms), seconds)
        yield Iteration(codes, V, found.gap, bool(converged), progress)
        if progress.unused:
            where = to_host(dead)
            V = revived(V, where, samples, rng, positive=how.positive)
            codes = codes.without(where)


def summary(cost: Array, found: Solution, square: Array, dead: Array) -> list[float]:
    """Read the cost, the largest relative gap, the unused atoms, and whether all converged.

    One wait.
    """
    xp = array_namespace(cost)
    square = xp.astype(square, found.gap.dtype)
    gap = xp.max(2 * found.gap / xp.where(square > 0, square, xp.ones_like(square)))
    return read(cost, gap, xp.sum(xp.astype(dead, cost.dtype)), xp.all(found.converged))
