"""Alpha for a target in learning: it follows the atoms at first, and then stays.

What an alpha leads to depends on the atoms, and the better they are the fewer of them a row needs.
So alpha is found for the atoms that learning starts from, and moved after each iteration, by what
some rows reach with the atoms of then. These iterations are no part of the record: from there on
alpha is one number, the objective falls and what stops learning holds.
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, asarray_like, index_like, to_host
from gpudict.coding.alpha.sample import CHUNKS, most_rows
from gpudict.coding.alpha.warm import Warm
from gpudict.learning import chunk_jobs
from gpudict.learning.alternate import alternate
from gpudict.learning.course import Course
from gpudict.learning.far import Far
from gpudict.learning.records import State
from gpudict.learning.samples import Samples
from gpudict.learning.source import Source
from gpudict.learning.updates import Recipe
from gpudict.learning.walk import Walk

SHARE, MOST = 0.5, 40  # of all iterations, and how many of them, in which alpha follows the atoms
STEPS, TIMES = 100, 16  # of an online learner, or more until it has been moved so often
PART = 4  # of the rows by which it is moved


class Begun(NamedTuple):
    """What learning begins with once alpha is known: as it was, where there is no target."""

    recipe: Recipe
    course: Course
    V: Array
    code: Any
    limit: int


def aimed(rows: Samples | Far, begun: Begun, rng: Any, until: float) -> Begun:
    """Return what learning begins with, or goes on from, once alpha has followed the atoms.

    So many iterations are left as if it had done so to its end.
    """
    recipe, course, V, code, limit = begun
    if recipe.aim is None:
        return begun
    count, now = min(MOST, int(SHARE * limit)), None
    if course.alpha is None:
        some = sample(rows, most_rows(recipe.k))
        recipe = first(some, V, recipe)
        for _ in range(count):
            if time.perf_counter() > until:
                break
            now = next(alternate(rows, V, code, recipe, rng, now))
            V, recipe = now.atoms, moved(some, now.atoms, recipe)
        course, code = course._replace(alpha=recipe.alpha), None if count else code
    assert course.alpha is not None
    return Begun(recipe.at(course.alpha), course, V, code, limit - count)


class Following(NamedTuple):
    """How alpha follows the atoms of an online learner: after `every` steps, until the `last`.

    `some` are the rows by whose codes it is moved; None where there is no target.
    """

    some: Samples | None
    every: int = 1
    last: int = 0

    @classmethod
    def of(cls, source: Source, recipe: Recipe, most: int) -> Following:
        """Return it for a source; `most` are all steps, 0 if nobody knows."""
        if recipe.aim is None:
            return cls(None)
        count = most_rows(recipe.k) // PART
        some = sample(source.start(count, np.random.RandomState(0)), count)
        every = math.ceil(some.X.shape[0] / source.size)
        last = max(STEPS, TIMES * every)
        return cls(some, every, min(last, int(SHARE * most)) if most else last)

    def recipe(self, recipe: Recipe, walk: Walk) -> Recipe:
        """Return the recipe with the alpha of the next step, which the walk keeps."""
        if self.some is None:
            return recipe
        step, V = len(walk.history), walk.state.atoms
        if walk.alpha is None:
            walk.alpha = first(self.some, V, recipe).alpha
        elif step <= self.last and step % self.every == 0:
            walk.alpha = moved(self.some, V, recipe.at(walk.alpha)).alpha
        assert walk.alpha is not None
        return recipe.at(walk.alpha)


def for_batch(rows: Samples | Far, state: State, recipe: Recipe) -> Recipe:
    """Return the recipe with the alpha for a batch that follows a state, found by its own rows."""
    if recipe.aim is None or state.step > STEPS:
        return recipe
    some = sample(rows, most_rows(recipe.k) // PART)
    return moved(some, state.atoms, recipe) if state.step else first(some, state.atoms, recipe)


def sample(rows: Samples | Far, most: int) -> Samples:
    """Return some rows, so many at most: the same ones each time."""
    rng = np.random.default_rng(0)
    if isinstance(rows, Samples):
        n = rows.X.shape[0]
        some = np.sort(rng.choice(n, min(n, most), replace=False))
        return rows if n <= most else rows.rows(index_like(some, rows.X))
    chunks, like = rows.chunks, rows.chunks.like
    count = min(len(rows.some), CHUNKS)
    some = np.unique(np.linspace(0, len(rows.some) - 1, count).round().astype(int))
    found: chunk_jobs.Drawn = chunks.total(
        chunk_jobs.drawn, math.ceil(most / count), [0],
        beside=rows.weights, some=[rows.some[i] for i in some],
    )  # fmt: skip
    drawn = found.samples()
    if array_namespace(drawn.X) is array_namespace(like):
        return drawn
    return Samples.weighed(*(a if a is None else asarray_like(to_host(a), like) for a in drawn[:2]))


def first(some: Samples, V: Array, recipe: Recipe) -> Recipe:
    """Return the recipe with the alpha that is found for these atoms."""
    assert recipe.aim is not None
    return recipe.at(recipe.aim.found(_warm(some, V, recipe)).alpha)


def moved(some: Samples, V: Array, recipe: Recipe) -> Recipe:
    """Return the recipe with an alpha that is nearer to its aim for these atoms."""
    assert recipe.aim is not None
    assert recipe.alpha is not None
    return recipe.at(recipe.aim.followed(recipe.alpha, _warm(some, V, recipe)))


def _warm(some: Samples, V: Array, recipe: Recipe) -> Warm:
    plan = recipe.plan
    limit = plan.max_iter if plan.limited else None
    options = (plan.penalty.positive, plan.name, plan.tol, limit, recipe.n_jobs)
    return Warm(some.X, V, some.weight, *options)
