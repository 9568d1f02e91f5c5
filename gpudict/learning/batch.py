"""A run of alternating learning: what `alternate` yields is walked here, to its end.

When to stop is decided, and what is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from gpudict.arrays import parameters
from gpudict.arrays.door import Array, draws
from gpudict.learning import aiming
from gpudict.learning.alternate import Iteration, alternate
from gpudict.learning.beginning import begun, zeros
from gpudict.learning.blocks import code_of
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.course import flat, followed, record_of, still
from gpudict.learning.facts import facts
from gpudict.learning.far import Far
from gpudict.learning.keeper import keeper_of
from gpudict.learning.parts import working
from gpudict.learning.records import Learned, objectives
from gpudict.learning.row_space import Space
from gpudict.learning.samples import Samples
from gpudict.learning.updates import (
    Recipe,
    memory_to_learn,
    warn_of_silence,
)


def learned_from(
    samples: Samples | Far,
    recipe: Recipe,
    *,
    max_iter: int,
    tol: float,
    dict_init: Array | str | None = None,
    code_init: Array | None = None,
    callback: Callable[[Iteration], object] | None = None,
    random_state: Any = None,
    checkpoint: Checkpoint | None = None,
    codes: bool = False,
    until: float = math.inf,
) -> Learned:
    """Return what `learn` does, for samples that are checked and a recipe.

    With `codes` they are made where rows are read as they are needed, too.
    """
    rng = draws(parameters.random_source(random_state))
    tol, limit = parameters.number(tol, "tol"), parameters.count(max_iter, "max_iter", minimum=0)
    given = {"max_iter": limit, "tol": tol, "dict_init": dict_init, "code_init": code_init}
    told = partial(facts, checkpoint, "learn", samples, recipe, random_state, **given)
    keeper = keeper_of(checkpoint, told, rng, record_of)
    with memory_to_learn(samples.X, recipe):
        stored = keeper.found()
        rows, space, course, V, U = begun(samples, recipe, dict_init, code_init, rng, stored)
    start = aiming.Begun(recipe, course, V, None if code_init is None else U, limit)
    recipe, course, V, code, limit = aiming.aimed(rows, start, rng, until)
    if not course.ended:
        steps = alternate(rows, V, code, recipe, rng, course.last)
        over = partial(flat if recipe.plan.penalty.certified else still, tol=tol)
        with keeper, working(rows):
            course = followed(course, steps, limit, over, _shown(callback, space), keeper, until)
        keeper.end(course)
    history, best = course.history, course.best
    with memory_to_learn(rows.X, recipe):
        if history and all(h.unused == recipe.k for h in history):
            warn_of_silence(rows, recipe)
        if isinstance(rows, Far) and rows.chunks.alone and not codes:
            V, U, gap = V if best is None else best.atoms, None, None
        elif best is not None:
            V, U, gap = best.atoms, code_of(best.made, rows.X), best.gap
        else:
            U, gap = zeros(rows, U, recipe)
        objective = objectives(history, rows.X)
        V, count = space.lifted(V), len(history)
        return Learned(V, U, objective, gap, course.converged, count, history, alpha=recipe.alpha)


def _shown(
    callback: Callable[[Iteration], object] | None, space: Space
) -> Callable[[Iteration], object]:
    """Return what is called with an iteration."""
    return lambda now: callback is not None and callback(now.shown(space))
