"""What is done with the rows of a chunk, where they are: functions that can be sent there.

A chunk is the work of one thread, as a rule: there are many, and whoever runs them has threads of
its own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.door import Array, array_namespace, asarray_like, index_like, read, to_host
from gpudict.arrays.home import home
from gpudict.arrays.threads import quiet
from gpudict.coding.plan import Plan
from gpudict.learning import atoms, warm
from gpudict.learning.blocks import Block
from gpudict.learning.codes import coded as codes_of
from gpudict.learning.moments import Moments
from gpudict.learning.samples import Samples
from gpudict.learning.sums import Sums, of_codes
from gpudict.learning.updates import Recipe
from gpudict.objective.penalties.contract import RowPenalty


class How(NamedTuple):
    """How rows are coded, in words and numbers: the solver is found where they are."""

    k: int
    penalty: RowPenalty
    solver: str
    tol: float
    max_iter: int | None
    n_jobs: int | None

    @classmethod
    def of(cls, recipe: Recipe, *, alone: bool) -> How:
        """Return it for a recipe; a job that is not alone has one thread, unless more are asked."""
        plan = recipe.plan
        limit = plan.max_iter if plan.limited else None
        return cls(
            recipe.k,
            plan.penalty,
            plan.name,
            plan.tol,
            limit,
            recipe.n_jobs or (None if alone else 1),
        )

    def threads(self) -> AbstractContextManager[Any]:
        """Return the context in which BLAS has no more threads than a job."""
        return quiet() if self.n_jobs == 1 else nullcontext()

    def plan(self, X: Array) -> Plan:
        """Return the plan for rows."""
        limits: dict[str, Any] = {"tol": self.tol, "max_iter": self.max_iter}
        penalty = self.penalty.fitted(X, self.k)
        return Plan.of(X, self.k, penalty, solver=self.solver, **limits)

    def block(self, samples: Samples, squares: Array) -> Block:
        """Return the rows, whose ‖x‖² are given, with all that is needed to code them."""
        return Block.of(samples, squares, self.plan(samples.X), self.n_jobs)


class Round(NamedTuple):
    """What there is to know of rows and their codes, to learn from.

    Attributes
    ----------
    sums : those of the rows
    gap : the largest relative gap
    nonzeros : of the codes, by the samples' weights
    logs, mass : sums of log ‖x‖² and of the weights, over rows that are not zero
    """

    sums: Sums
    gap: float
    nonzeros: float
    logs: float
    mass: float

    def merge(self, *others: Round) -> Round:
        """Return what there is to know of all rows."""
        each = [self, *others]
        sums = self.sums.merge(*(one.sums for one in others))
        largest = max(one.gap for one in each)
        rest = (sum(column) for column in zip(*(one[2:] for one in each), strict=True))
        return Round(sums, largest, *rest)


def coded(
    rows: Array, number: int, weight: Any, V: np.ndarray, how: How, run: str, begin: warm.Warm
) -> Round:
    """Code the rows of a chunk over atoms, keep the codes here, and return their sums."""
    X = _checked(rows, number)
    with home(X), how.threads():
        samples, here = _weighed(X, weight), asarray_like(V, X)
        squares = samples.squares()
        block = how.block(samples, squares)
        made, q = block.coded(here, warm.kept(run, number, begin))
        warm.keep(run, number, made.codes)
        told = block.told(here, made)
        cost, gap, used = read(told.cost, told.gap, samples.summed(made.codes.nonzeros(), None))
        sums = of_codes([block], [made], q, cost)
        square = to_host(squares).astype(np.float64)
        some = np.where(square > 0, 1.0 if weight is None else np.asarray(weight), 0.0)
        logs = float(np.sum(some * np.log(np.where(square > 0, square, 1.0))))
        return Round(sums, gap, used, logs, float(some.sum()))


def codes(
    rows: Array, number: int, _: Any, V: np.ndarray, how: How, run: str, none: tuple[Array, ...]
) -> tuple[Array, ...]:
    """Return the codes of the rows of a chunk, their gaps, and whether they converged."""
    if not rows.shape[0]:
        return none
    X = _checked(rows, number)
    with home(X), how.threads():
        before = warm.kept(run, number, True)
        made, found = codes_of(X, asarray_like(V, X), how.plan(X), before, how.n_jobs)
        return made.array(), found.gap, found.converged


def moments(rows: Array, number: int, weight: Any) -> Moments:
    """Return the moments of the rows of a chunk."""
    X = _checked(rows, number)
    with home(X), quiet():
        return Moments.of(_weighed(X, weight))


class Longest(NamedTuple):
    """The largest ‖x‖ of some rows."""

    norm: float

    def merge(self, *others: Longest) -> Longest:
        """Return that of all rows."""
        return max(self, *others)


def longest(rows: Array, number: int, _: Any) -> Longest:
    """Return the largest ‖x‖ of the rows of a chunk."""
    X = _checked(rows, number)
    with home(X):
        return Longest(Samples.of(X).longest())


class Drawn(NamedTuple):
    """Samples that were drawn from chunks, by the numbers of these."""

    parts: dict[int, Samples]

    def merge(self, *others: Drawn) -> Drawn:
        """Return all of them."""
        return Drawn({n: rows for one in (self, *others) for n, rows in one.parts.items()})

    def samples(self) -> Samples:
        """Return them in the order of their chunks."""
        parts = [self.parts[n] for n in sorted(self.parts)]
        X, weight = ([one[i] for one in parts] for i in (0, 1))
        concat = array_namespace(X[0]).concat
        return Samples.weighed(concat(X), None if weight[0] is None else concat(weight))


def drawn(rows: Array, number: int, weight: Any, most: int, seed: Any, *_: Any) -> Drawn:
    """Return so many random samples of a chunk that have a weight, or all where there are fewer."""
    X = _checked(rows, number)
    with home(X):
        some = np.arange(X.shape[0]) if weight is None else np.flatnonzero(weight)
        if len(some) > most:
            rng = np.random.default_rng([*seed, number])
            some = np.sort(rng.choice(some, size=most, replace=False))
        return Drawn({number: _weighed(X, weight).rows(index_like(some, X))})


def norms(rows: Array, number: int, _: Any, count: int) -> Drawn:
    """Return ‖x‖ of so many rows of a chunk, evenly over it, on the host."""
    X = _checked(rows, number)
    with home(X):
        some = np.unique(np.linspace(0, X.shape[0] - 1, count).round().astype(int))
        squares = Samples.of(X).rows(index_like(some, X)).squares()
        return Drawn({number: np.sqrt(to_host(squares))})


def started(found: Drawn, most: int, seed: Any, first: Any, k: int, positive: bool) -> np.ndarray:
    """Return unit atoms (k, d) from rows that were drawn, by the SVD or as they are; or given."""
    samples = found.samples()
    with home(samples.X):
        given = first if isinstance(first, str) else asarray_like(first, samples.X)
        rng = np.random.default_rng(seed)
        V, _ = atoms.start(samples, k, given, None, rng, positive=positive)
        return to_host(V)


def revived(
    found: Drawn, most: int, seed: Any, V: np.ndarray, dead: np.ndarray, positive: bool
) -> np.ndarray:
    """Return atoms (k, d) with rows that were drawn in place of the dead ones."""
    samples = found.samples()
    with home(samples.X):
        rng = np.random.default_rng(seed)
        here = asarray_like(V, samples.X)
        return to_host(atoms.revived(here, dead, samples, rng, positive=positive))


def _weighed(X: Array, weight: Any) -> Samples:
    return Samples.weighed(X, None if weight is None else asarray_like(weight, X))


def _checked(rows: Array, number: int) -> Array:
    return check.samples(rows, f"chunk {number} of X")
