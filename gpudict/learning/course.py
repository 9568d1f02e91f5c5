"""How far a run of the alternation is, when it is over, and what a checkpoint of it holds.

The codes are stored as each block has them, in compressed rows where they are: what codes the next
iteration starts from decides its last bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import devices
from gpudict.arrays.door import Array
from gpudict.arrays.rows import Rows
from gpudict.learning.alternate import Iteration
from gpudict.learning.blocks import Coded
from gpudict.learning.checkpoint import Record, Stored, host_dtype, packed, placed
from gpudict.learning.codes import Codes, Compressed, Dense
from gpudict.learning.far import Elsewhere, Far
from gpudict.learning.keeper import Keeper
from gpudict.learning.records import Progress
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe

INDEX = np.dtype(np.int64)
TOLD = ("gap", "converged")  # of each row


class Course(NamedTuple):
    """A run so far: its last iteration, the best one, whether all codes converged, and its end.

    `stopped` says that none would follow however many there may be; `alpha` is what was found for a
    target, if there is one.
    """

    history: list[Progress]
    last: Iteration | None = None
    best: Iteration | None = None
    converged: bool = True
    ended: bool = False
    stopped: bool = False
    alpha: float | None = None

    @property
    def atoms(self) -> Array:
        """The atoms of the last iteration."""
        assert self.last is not None
        return self.last.atoms

    def after(self, now: Iteration) -> Course:
        """Return the run with one iteration more."""
        before, new = self.best, now.progress.objective
        best = now if before is None or not new > before.progress.objective else before
        self.history.append(now.progress)
        done = self.converged and now.converged
        return self._replace(last=now, best=best, converged=done)


def followed(
    course: Course,
    steps: Iterator[Iteration],
    limit: int,
    over: Callable[[list[Progress]], bool],
    watch: Callable[[Iteration], object],
    keeper: Keeper,
    until: float,
) -> Course:
    """Return the run once there is a reason to stop, after so many iterations at most.

    One that has no more time is not at its end: it can go on.
    """
    while len(course.history) < limit:
        keeper.begin(in_place=False)
        now = next(steps)
        course = course.after(now)
        stopped = over(course.history)
        last = stopped or len(course.history) == limit
        course = course._replace(ended=last, stopped=stopped)
        keeper.over(course)
        if watch(now._replace(last=last)) is True:
            return course._replace(ended=True, stopped=True)
        if last:
            break
        if time.perf_counter() > until:
            return course
        keeper.after()
    return course._replace(ended=True)


def record_of(course: Course) -> Record | None:
    """Return what a checkpoint is to hold, or None before the first iteration."""
    last, best = course.last, course.best
    if last is None or best is None:
        return None
    arrays = _arrays("last", last) | ({} if best is last else _arrays("best", best))
    if last.dead is not None:
        arrays["dead"] = last.dead
    values = {
        "best": best.progress.iteration,
        "converged": course.converged,
        "ended": course.ended,
        "stopped": course.stopped,
        "alpha": course.alpha,
    }
    return packed(values, arrays, course.history[: last.progress.iteration + 1])


def course_of(stored: Stored, rows: Samples | Far, recipe: Recipe) -> Course:
    """Return the run that a checkpoint holds, for these rows."""
    history, best = stored.history(), stored["best"]
    if type(best) is not int or not 0 <= best < len(history):
        raise stored.odd("best")
    last = _iteration(stored, "last", history[-1], rows, recipe)
    if history[-1].unused:
        last = last._replace(dead=stored.array("dead", (recipe.k,), np.dtype(bool)))
    found = last if best == len(history) - 1 else None
    found = found or _iteration(stored, "best", history[best], rows, recipe)
    converged, alpha = stored["converged"] is True, stored.alpha(recipe.aim)
    return Course(history, last, found, converged, stored.ended, alpha=alpha)


def _arrays(name: str, one: Iteration) -> dict[str, Any]:
    """Return the arrays of an iteration by their names."""
    arrays = {f"{name}/atoms": one.atoms}
    for i, made in enumerate(one.made):
        if isinstance(made, Elsewhere):
            return arrays | {f"{name}/before": made.V}
        assert isinstance(made, Coded)
        codes, gap, converged = made
        parts = codes.start
        each = parts._asdict() if isinstance(parts, Rows) else {"codes": parts}
        each |= {"gap": gap, "converged": converged}
        arrays |= {f"{name}/{i}/{of}": a for of, a in each.items()}
    return arrays


def _iteration(
    stored: Stored, name: str, progress: Progress, rows: Samples | Far, recipe: Recipe
) -> Iteration:
    """Return an iteration that has the arrays of this name."""
    X = rows.X
    dtype, shape = host_dtype(X.dtype), (recipe.k, X.shape[1])
    V = placed(stored.array(f"{name}/atoms", shape, dtype), X)
    if isinstance(rows, Far):
        before = stored.array(f"{name}/before", shape, dtype)
        return Iteration([Elsewhere(rows.by(recipe), before, None)], V, True, progress)
    cuts = devices.blocks(X.shape[0], max(1, len(recipe.devices)))
    made = []
    for i, cut in enumerate(cuts):
        there = devices.moved(V, recipe.devices[i]) if recipe.devices else V
        n = cut.stop - cut.start
        codes = _codes(stored, f"{name}/{i}", n, there, recipe.n_jobs)
        gap, done = (stored.array(f"{name}/{i}/{of}", (n,), finite=False) for of in TOLD)
        made.append(Coded(codes, placed(gap, there), placed(done, there)))
    return Iteration(made, V, True, progress)


def _codes(stored: Stored, name: str, n: int, V: Array, n_jobs: int | None) -> Codes:
    """Return the codes of n rows; indices out of their range are refused."""
    k, dtype = V.shape[0], host_dtype(V.dtype)
    if f"{name}/codes" in stored.arrays:
        return Dense(placed(stored.array(f"{name}/codes", (n, k), dtype), V))
    ends = stored.array(f"{name}/ends", (n + 1,), INDEX)
    values = stored.array(f"{name}/values", (None,), dtype)
    columns = stored.array(f"{name}/columns", (len(values),), np.dtype(np.int32))
    if ends[0] != 0 or ends[-1] != len(values) or np.any(np.diff(ends) < 0):
        raise stored.odd(name)
    row = np.repeat(np.arange(n), np.diff(ends))  # in each the columns rise
    if np.any((columns < 0) | (columns >= k)) or np.any(np.diff(row * k + columns) <= 0):
        raise stored.odd(name)
    return Compressed(Rows(ends, columns, values), V, n_jobs)


def still(history: list[Progress], tol: float) -> bool:
    """Whether the last iteration moved the objective by less than tol times it: pursuits rise."""
    if len(history) < 2:
        return False
    before, now = history[-2].objective, history[-1].objective
    return abs(before - now) < tol * now


def flat(history: list[Progress], tol: float) -> bool:
    """Whether the last iteration lowered the objective by less than tol times it.

    That it rises after atoms were revived is no reason to stop.
    """
    if len(history) < 2:
        return False
    before, now = history[-2].objective, history[-1].objective
    rose = history[-2].unused > 0 and now - before >= tol * now > 0
    return before - now < tol * now and not rose
