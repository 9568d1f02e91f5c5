"""The alternation: code all samples, update all atoms, repeat.

`alternate` is the loop, a generator of iterations; what to do about them (stop, report, call back)
is decided by whoever walks it. Each half-step is the quadratic of the other: the codes solve it for
(X, V), the atoms for the statistics A = UᵀU, B = UᵀX. Neither half-step raises the objective, but
for what is no minimum: the choice of a pursuit, and atoms that are revived.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from gpudict.arrays.door import Array, copied, float64_of, to_host
from gpudict.learning.atoms import revived, unused
from gpudict.learning.codes import Codes, coded
from gpudict.learning.records import Progress, Summary
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe, memory_to_learn


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
        """The codes as an array (n, k), copied when it is asked for."""
        return copied(self.codes.array())

    def shown(self, *, last: bool) -> Iteration:
        """Return what a callback may write into: learning goes on from other arrays."""
        return self._replace(dictionary=copied(self.dictionary), gap=copied(self.gap), last=last)


def alternate(
    samples: Samples, V: Array, codes: Codes | None, recipe: Recipe, rng: Any
) -> Iterator[Iteration]:
    """Yield iteration after iteration from atoms V and, for a warm start, codes."""
    X, penalty = samples.X, recipe.plan.penalty
    with memory_to_learn(X, recipe):
        began, square = time.perf_counter(), samples.squares()
        scale = samples.typical(square)
    for iteration in count():
        with memory_to_learn(X, recipe):
            codes, found = coded(X, V, recipe.plan, codes, recipe.n_jobs)
            q = codes.statistics(samples)
            V, dead = recipe.update(q, V), unused(q, scale)
            cost = samples.summed(codes.costs(X, V, penalty), float64_of(X))
            now = Summary.of(cost, found, square, dead)
        seconds = time.perf_counter() - began
        progress = Progress(iteration, now.cost, now.gap, now.unused, seconds)
        yield Iteration(codes, V, found.gap, now.converged, progress)
        if now.unused:
            with memory_to_learn(X, recipe):
                where = to_host(dead)
                V = revived(V, where, samples, rng, positive=recipe.positive)
                codes = codes.without(where)
