"""The alternation: code all samples, update all atoms, repeat.

`alternate` is the loop, a generator of iterations; what to do about them (stop, report, call back)
is decided by whoever walks it. Each half-step is the quadratic of the other: the codes solve it for
(X, V), the atoms for the statistics A = UᵀU, B = UᵀX. Neither half-step raises the objective, but
for what is no minimum: the choice of a pursuit, and atoms that are revived.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays.door import Array, copied, to_host
from gpudict.learning.atoms import unused
from gpudict.learning.blocks import Made, code_of, gap_of
from gpudict.learning.far import Far
from gpudict.learning.features import improved
from gpudict.learning.parts import parts_of
from gpudict.learning.records import Progress, Summary
from gpudict.learning.row_space import Space
from gpudict.learning.samples import Samples
from gpudict.learning.turning import together
from gpudict.learning.updates import Recipe, memory_to_learn


class Iteration(NamedTuple):
    """One iteration as it happens: the codes, the atoms updated from them, and its record.

    `made` are the codes, each block's where it is, and `atoms` lie in `space`: what learning goes
    on from, which nobody may write into. `last` says that no other follows, for `tol` or `max_iter`
    has been reached, and `dead` which atoms are revived first, (k,) bool on the host, if any are.
    """

    made: Sequence[Made]
    atoms: Array
    converged: bool
    progress: Progress
    space: Space = Space()
    last: bool = False
    dead: np.ndarray | None = None

    @property
    def code(self) -> Array:
        """The codes as an array (n, k), copied when it is asked for."""
        return copied(code_of(self.made, self.atoms))

    @property
    def dictionary(self) -> Array:
        """The atoms (k, d), copied when they are asked for."""
        return self.space.lifted(self.atoms)

    @property
    def gap(self) -> Array:
        """The gap of each row, (n,), copied when it is asked for."""
        return copied(gap_of(self.made, self.atoms))

    def shown(self, space: Space) -> Iteration:
        """Return it as a callback gets it."""
        return self._replace(space=space)


def alternate(
    rows: Samples | Far,
    V: Array,
    code: Array | None,
    recipe: Recipe,
    rng: Any,
    past: Iteration | None = None,
) -> Iterator[Iteration]:
    """Yield iteration after iteration from atoms V and, for a warm start, codes (n, k).

    With one that is past, yield those that follow it.
    """
    X, begun, gone = rows.X, 0, None
    made: Sequence[Made] = ()
    with memory_to_learn(X, recipe):
        began, blocks = time.perf_counter(), parts_of(rows, recipe)
        codes, there = blocks.taken(code), blocks.everywhere(V)
        if past is not None:
            made, gone = past.made, past.dead
            codes = [one.codes for one in made]
            begun, began = past.progress.iteration + 1, began - past.progress.seconds
    for iteration in count(begun):
        if gone is not None:
            with memory_to_learn(X, recipe):
                V = blocks.revived(V, gone, rng, positive=recipe.positive)
                codes, there = blocks.without(made, gone), blocks.everywhere(V)
        with memory_to_learn(X, recipe), recipe.quietly(*X.shape):
            made, q = blocks.coded(there, codes)
            dead = unused(q, blocks.scale(made))
            if recipe.update.solver.turns_codes:
                made, V = together(blocks, made, V, recipe.update)
            else:
                V = improved(blocks, made, q, V, recipe.update)
            there = blocks.everywhere(V)
            now = Summary.of(blocks.told(there, made), dead)
            codes = [one.codes for one in made]
            gone = to_host(dead) if now.unused else None
        seconds = time.perf_counter() - began
        progress = Progress(iteration, now.cost, now.gap, now.unused, seconds)
        yield Iteration(made, V, now.converged, progress, dead=gone)
