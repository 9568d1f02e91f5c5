"""Codes as learning needs them: their statistics, their costs, and themselves as a dense array.

Two kinds are interchangeable. `Dense` is an array of any library. `Compressed` are rows of the
host, from its compiled solvers: all that learning does with them is a loop over what is not zero,
so that nothing of size n × k is made or read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import lru_cache, reduce
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from gpudict.arrays.batches import in_batches, memory_error_saying
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    bytes_each,
    from_host,
    precise,
    to_host,
)
from gpudict.arrays.memory import workspace
from gpudict.arrays.rows import Rows, wide
from gpudict.arrays.threads import in_parallel, quiet, threads
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.coding.solve import solve
from gpudict.learning.samples import Samples
from gpudict.objective.penalties.contract import RowPenalty, half_square
from gpudict.objective.quadratic import Quadratic, accumulate, statistics
from gpudict.solvers.base import RowSolver
from gpudict.solvers.records import Solution

COPIES = 3  # of the rows of data and codes, at a time
GROUP = 8  # rows for each atom, in sums that threads share: their number does not change a bit
FULL = 0.25  # of codes that are not zero, from which on a product with all of them is quicker
LITTLE = 2**16  # multiplications n·k·(k + d) up to which it is not worth its start
ALONE = 2**14  # rows up to which a second thread is not worth its start
Result = TypeVar("Result")


class Codes(Protocol):
    """Codes (n, k) of the rows of X."""

    @property
    def start(self) -> Any:
        """What a solver starts from to start from them."""
        ...

    def array(self) -> Array:
        """Return them as a dense array (n, k)."""
        ...

    def statistics(self, samples: Samples, /) -> Quadratic:
        """Return the dictionary's quadratic, as `quadratic.statistics`."""
        ...

    def costs(self, X: Array, V: Array, penalty: RowPenalty, /) -> Array:
        """Return ½‖x − uV‖² + penalty(u) of each row, (n,)."""
        ...

    def nonzeros(self) -> Array:
        """Return how many each row has, (n,), in the dtype of the codes."""
        ...

    def uses(self) -> Array:
        """Return in how many rows that of each atom is not zero, (k,)."""
        ...

    def without(self, dead: np.ndarray, /) -> Codes:
        """Return them with zeros for the atoms that are dead, (k,) bool on the host."""
        ...


class Dense(NamedTuple):
    """Codes as an array (n, k)."""

    start: Array

    def array(self) -> Array:
        """Return the array."""
        return self.start

    def statistics(self, samples: Samples, /) -> Quadratic:
        """Return the sums by matrix products."""
        X, weight = samples.X, samples.weight

        def of_batch(here: slice) -> Quadratic:
            each = None if weight is None else weight[here]
            return statistics(X[here, :], self.start[here, :], each)

        return reduce(accumulate, self._mapped(of_batch, X))

    def costs(self, X: Array, V: Array, penalty: RowPenalty, /) -> Array:
        """Return the costs from the residual."""

        def of_batch(here: slice) -> Array:
            U = self.start[here, :]
            return half_square(X[here, :] - U @ V) + penalty.value(U)

        parts = list(self._mapped(of_batch, X))
        return parts[0] if len(parts) == 1 else array_namespace(X).concat(parts)

    def nonzeros(self) -> Array:
        """Return the numbers, by a sum."""
        xp, Z = array_namespace(self.start), self.start
        return xp.sum(xp.astype(Z != 0, Z.dtype), axis=1)

    def uses(self) -> Array:
        """Return the numbers, by a sum."""
        xp, Z = array_namespace(self.start), self.start
        return xp.sum(xp.astype(Z != 0, xp.int64), axis=0)

    def without(self, dead: np.ndarray, /) -> Dense:
        """Return a copy with zeros."""
        xp, Z = array_namespace(self.start), self.start
        zero = xp.zeros_like(Z[:1, :])
        return Dense(xp.where(asarray_like(dead, Z, xp.bool)[None, :], zero, Z))

    def _mapped(self, job: Callable[[slice], Result], X: Array) -> Iterator[Result]:
        """Map a job over the rows in batches that fit the memory, in order."""
        (n, d), k = X.shape, self.start.shape[1]
        each = bytes_each(X) * COPIES * (k + d)

        def needs() -> str:
            return (
                f"{each:,} bytes a row. Pass fewer atoms or fewer rows at a time, or free memory."
            )

        with precise(X), memory_error_saying(needs, X):
            for _, part in in_batches(job, n, max(1, workspace(X) // each), X):
                yield part


class Compressed(NamedTuple):
    """Codes in compressed rows over a dictionary like `V` (k, d), used by n_jobs threads."""

    start: Rows
    V: Array
    n_jobs: int | None

    def array(self) -> Array:
        """Return the dense array, in the library and dtype of the dictionary."""
        Z = np.zeros((len(self.start.ends) - 1, self.V.shape[0]), self.start.values.dtype)
        return from_host(self.start.dense(Z.shape[1], into=Z), self.V)

    def statistics(self, samples: Samples, /) -> Quadratic:
        """Return the sums, group of rows by group of rows."""
        from gpudict.solvers.host.kernels import rows

        x, weight, (k, d) = to_host(samples.X), samples.weight, self.V.shape
        each = ones(len(x)) if weight is None else wide(weight)

        def of_group(here: slice) -> tuple[np.ndarray, ...]:
            U, X, w = self._cut(here), wide(x[here]), each[here]
            if _full(U, k, d):
                Z = U.dense(k)
                WZ = w[:, None] * Z
                squares = np.einsum("ij,ij->j", X, X if weight is None else w[:, None] * X)
                return (WZ.T @ X).T, squares, np.triu(Z.T @ WZ)
            A, B, squares = np.zeros((k, k)), np.zeros((k, d)), np.zeros(d)
            rows.add_statistics(*U, X, w, A, B, squares)
            return B.T, squares, A

        sums, *others = self._mapped(of_group)
        for part in others:
            for whole, some in zip(sums, part, strict=True):
                whole += some
        rows.mirror(sums[-1])
        return Quadratic(*(from_host(a.astype(x.dtype, copy=False), samples.X) for a in sums))

    def costs(self, X: Array, V: Array, penalty: RowPenalty, /) -> Array:
        """Return the costs from the residual, in float64."""
        from gpudict.solvers.host.kernels import rows

        x, atoms = to_host(X), wide(V)

        def of_group(here: slice) -> np.ndarray:
            U, error = self._cut(here), np.empty(here.stop - here.start)
            if _full(U, *atoms.shape):
                R = U.dense(len(atoms)) @ atoms
                R -= x[here]
                np.einsum("ij,ij->i", R, R, out=error)
            else:
                rows.squared_errors(*U, wide(x[here]), atoms, error)
            costs: np.ndarray = 0.5 * error + penalty.cost(U, len(atoms))
            return costs

        return from_host(np.concatenate(list(self._mapped(of_group))), X)

    def nonzeros(self) -> Array:
        """Return the lengths of the rows."""
        return asarray_like(np.diff(self.start.ends), self.V)

    def uses(self) -> Array:
        """Return how often each column is there; on the host."""
        return np.bincount(self.start.columns, minlength=self.V.shape[0])

    def without(self, dead: np.ndarray, /) -> Compressed:
        """Return the rows without the entries of these atoms."""
        ends, columns, values = self.start
        kept = ~dead[columns]
        ends = np.concatenate([[0], np.cumsum(kept)])[ends]
        return self._replace(start=Rows(ends, columns[kept], values[kept]))

    def _cut(self, here: slice) -> Rows:
        return self.start.cut(here).astype(np.float64)

    def _mapped(self, job: Callable[[slice], Result]) -> Iterable[Result]:
        """Map a job over groups of rows, in order."""
        n, size = len(self.start.ends) - 1, GROUP * max(128, self.V.shape[0])
        groups = [slice(low, min(low + size, n)) for low in range(0, n, size)]
        little = len(groups) == 1 and n * self.V.shape[0] * sum(self.V.shape) <= LITTLE
        workers = 1 if n <= ALONE else min(threads(self.n_jobs), len(groups))
        with precise(self.start.values), nullcontext() if little else quiet():
            return list(in_parallel(job, groups, workers))


@lru_cache(4)
def ones(n: int) -> np.ndarray:
    """Return n weights of 1, which nothing writes into."""
    return np.ones(n)


def _full(U: Rows, k: int, d: int) -> bool:
    """Whether BLAS is quicker with all of rows of k codes: many, and so few of them are zero."""
    n = len(U.ends) - 1
    return len(U.values) > FULL * n * k and n * k * (k + d) > LITTLE


def coded(
    X: Array,
    V: Array,
    plan: Plan,
    before: Codes | None = None,
    n_jobs: int | None = None,
    weight: Array | None = None,
) -> tuple[Codes, Solution]:
    """Return codes of the rows of X, of the kind that is cheaper here, and what is known of them.

    Warm, from codes before, if there are any; entries may have weights.
    """
    sparse, start = isinstance(plan.solver, RowSolver), None if before is None else before.start
    found = solve(Request(X, V, start, weight=weight), plan, n_jobs=n_jobs, sparse=sparse)
    return (Compressed(found.Z, V, n_jobs) if sparse else Dense(found.Z)), found
