"""Small problems on the host, many of them: each is learned by one compiled call, on a pool.

Where a problem is some rows of few features, calls cost as much as the work. It is what `learn`
does, up to rounding; a problem is left to it where an atom has no use, or a row falls short.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from gpudict.arrays.door import Array, array_namespace, draws, from_host, index_like, to_host
from gpudict.arrays.parameters import count, number, random_source
from gpudict.arrays.rows import wide
from gpudict.arrays.threads import in_parallel, threads
from gpudict.learning.atoms import UNUSED, choice, given, normalised, nudged, start, svd_start
from gpudict.learning.records import Learned, Progress
from gpudict.learning.row_space import narrowed
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe, one_thread, recipe_for
from gpudict.learning.whole import COMPILED
from gpudict.solvers.constants import FAINT
from gpudict.solvers.host import active_set
from gpudict.solvers.host._products import FEW

CODED = (  # parameters of the recipe
    "n_components", "n_nonzero_coefs", "target_error", "solver", "dictionary_update", "code_tol",
    "code_max_iter", "positive_code", "positive_dict", "n_jobs",
)  # fmt: skip
UNUSUAL = (  # left to others
    "penalty", "code_init", "sample_weight", "code_max_iter", "target_nonzeros",
    "explained_variance",
)  # fmt: skip


class Problem(NamedTuple):
    """Rows (n, d) with ‖x‖² (n,), atoms (k, d), an alpha, and the least use of an atom."""

    X: np.ndarray
    sq: np.ndarray
    V: np.ndarray
    alpha: float
    least: float


def learned(X: Array, each: list[dict[str, Any]]) -> list[Learned | None] | None:
    """Return what is learned of each X[i] by its parameters, None where it is left; None of none.

    X (b, n, d) is checked, and parameters are the same for all but for those of the start.
    """
    first, (b, n, d) = each[0], X.shape
    if any(first[name] is not None for name in UNUSUAL):
        return None
    recipe = recipe_for(X[0, ...], alpha=first["alpha"], **{name: first[name] for name in CODED})
    if not _fits(recipe, first, n * d):
        return None
    most, tol = count(first["max_iter"], "max_iter", minimum=0), number(first["tol"], "tol")
    alphas = [number(one["alpha"], "alpha") for one in each]
    rows, single = wide(X), to_host(X).dtype != np.float64
    square = np.vecdot(rows, rows)
    some: np.ndarray = np.any(rows, axis=2)
    if (some & (square < FAINT)).any() or not most or not all(alphas):
        return None
    with one_thread(n, d):
        V = wide(_starts(X, recipe, each))
        logs = np.log(np.where(some, square, 1)).sum(axis=1) / np.maximum(some.sum(axis=1), 1)
        least = np.where(some.any(axis=1), UNUSED * np.exp(logs), 0)
        problems = list(map(Problem, rows, square, V, alphas, least))
        one = _learner(recipe, single, tol, most)
        found = in_parallel(one, problems, min(threads(recipe.n_jobs), b))
        return [_placed(one, X) for one in found]


def _placed(one: Learned | None, X: Array) -> Learned | None:
    """Return what was learned in the library and dtype of X."""
    if one is None:
        return None
    V, Z, objective, gap = (from_host(a, X) for a in cast(list[np.ndarray], one[:4]))
    xp, dtype = array_namespace(X), X.dtype
    V, Z, objective = (xp.astype(a, dtype, copy=False) for a in (V, Z, objective))
    return one._replace(dictionary=V, code=Z, objective=objective, gap=gap)


def _fits(recipe: Recipe, asked: dict[str, Any], size: int) -> bool:
    """Whether compiled calls take what is asked for, and the problems are small."""
    compiled = (recipe.plan.solver, recipe.update.solver) == COMPILED
    seeded = not hasattr(asked["random_state"], "normal")  # draws of one stream have an order
    return compiled and seeded and recipe.k * size <= FEW


def _starts(X: Array, recipe: Recipe, each: list[dict[str, Any]]) -> Array:
    """Return atoms (b, k, d) to start from, some of them zero perhaps; made at once if possible."""
    k, positive, one = recipe.k, recipe.positive, X[0, ...]
    firsts = [given(asked["dict_init"], one) for asked in each]
    seeds = [random_source(asked["random_state"]) for asked in each]
    if all(isinstance(first, str) and first == "svd" for first in firsts):
        return normalised(svd_start(Samples.of(X), k)[0], None, positive=positive)[0]
    alike = seeds[0] is not None and all(seed == seeds[0] for seed in seeds)
    tall = one.shape[0] >= one.shape[1]
    if alike and tall and all(isinstance(first, str) and first == "data" for first in firsts):
        rng = draws(seeds[0])
        index = index_like(choice(Samples.of(one), k, rng), X)
        return nudged(X[:, index, :], rng, positive)
    parts = zip(X, firsts, seeds, strict=True)
    return array_namespace(X).stack([_start(*part, recipe) for part in parts])


def _start(x: Array, first: Any, seed: Any, recipe: Recipe) -> Array:
    """Return atoms (k, d) to start from, drawn where `learn` draws them: in the space of rows."""
    samples, first, space = narrowed(Samples.of(x), first, recipe)
    V, _ = start(samples, recipe.k, first, None, draws(seed), positive=recipe.positive)
    return space.lifted(V)


def _learner(
    recipe: Recipe, single: bool, tol: float, most: int
) -> Callable[[Problem], Learned | None]:
    """Return what learns a problem in one call, or returns None."""
    from gpudict.solvers.host.kernels import problems

    plan, k = recipe.plan, recipe.k
    penalty: Any = plan.penalty
    asked = (penalty.positive, recipe.positive, single, plan.tol, tol)

    def learn(one: Problem) -> Learned | None:
        began, (n, d) = time.perf_counter(), one.X.shape
        if not np.all(np.vecdot(one.V, one.V)):
            return None
        places, limits = active_set.SOLVER.sizes(k, d, plan.max_iter)
        best = np.empty((k, d)), np.empty((n, k)), np.empty(n)
        told = np.empty((2, most))
        data = one.X, one.sq, one.V.copy(), np.full(n, one.alpha), (*asked, one.least)
        turns = problems.learn(*data, limits, active_set.work_of(n, k, places), best, told)
        if turns == problems.LEFT:
            return None
        seconds = (time.perf_counter() - began) / turns
        each = zip(*told[:, :turns].tolist(), strict=True)
        history = [Progress(i, o, g, 0, seconds * (i + 1)) for i, (o, g) in enumerate(each)]
        V, Z, gap = best
        return Learned(V, Z, told[0, :turns], gap, True, turns, history, None, one.alpha)

    return learn
