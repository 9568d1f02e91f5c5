"""Sparse coding in the memory of the host: chunks of rows, from a pool of threads, compiled.

NumPy arrays and, in place, torch's on the CPU. A chunk is cast to float64, multiplied with the
atoms and solved while it is in the cache; its size depends on the number of rows alone, so that any
number of threads gives the same bits. Rows that fall short of their tolerance, among atoms that
nearly depend on each other, are judged by their residuals and get a second chance with the portable
solver.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gpudict import solvers
from gpudict._array import Array, from_host, to_host
from gpudict.certificate import finished, judged
from gpudict.history import Check
from gpudict.loop import Solution
from gpudict.penalties import Cardinality
from gpudict.problem import Problem
from gpudict.quadratic import Quadratic, least_squares
from gpudict.solvers._compiled import Atoms, Batch, blank, compressed, expanded, wide
from gpudict.sparse import Rows, stacked
from gpudict.threads import QUIET, in_parallel, threads

CHUNKS = 16  # if there are rows for so many, so that threads end together
LEAST, ROWS = 128, 512  # rows of a chunk
ALONE = 2**15  # numbers n·k up to which a second thread is not worth its start


class Data(NamedTuple):
    """What is coded, as NumPy sees it.

    Attributes
    ----------
    x : (n, d), the rows
    V : (k, d), the atoms, in float64
    init : (n, k), Rows or None, codes to start from
    gram, cov : (k, k) and (n, k) or None, a caller's own in place of V Vᵀ and X Vᵀ
    scale : (n,) or None, by which the rows are divided
    """

    x: np.ndarray
    V: np.ndarray
    init: np.ndarray | Rows | None
    gram: np.ndarray | None
    cov: np.ndarray | None
    scale: np.ndarray | None

    @classmethod
    def of(cls, X: Array, V: Array, init: Array | Rows | None, *others: Array | None) -> Data:
        """Look at the arrays in place."""
        gram, cov, scale = (None if a is None else to_host(a) for a in others)
        if init is not None and not isinstance(init, Rows):
            init = to_host(init)
        return cls(to_host(X), wide(V), init, None if gram is None else wide(gram), cov, scale)

    def rows(self, some: slice | np.ndarray) -> np.ndarray:
        """Return some rows of X, divided by their scales, in float64."""
        rows = wide(self.x[some])
        return rows if self.scale is None else rows / self.scale[some, None]

    def start(self, here: slice) -> Rows:
        """Return the codes that some rows start from."""
        if self.init is None:
            return blank(here.stop - here.start)
        some = self.init.cut(here) if isinstance(self.init, Rows) else compressed(self.init[here])
        values = wide(some.values)
        if self.scale is not None:
            values = values / np.repeat(self.scale[here], np.diff(some.ends))
        return some._replace(values=values)

    def atoms(self) -> Atoms:
        """Return the atoms as the compiled loops need them."""
        own = self.gram is not None or self.cov is not None
        gram = self.V @ self.V.T if self.gram is None else self.gram
        return Atoms.of(gram, None if own else self.V.shape[1])

    def quadratic(self, some: np.ndarray) -> Quadratic:
        """Return the quadratic of some rows, in float64."""
        q = least_squares(self.rows(some), self.V, gram=self.gram)
        if self.cov is None and self.gram is None:
            return q
        return q._replace(cov=q.cov if self.cov is None else wide(self.cov[some]), factors=None)


class Found(NamedTuple):
    """Codes of a chunk, their gaps (b,), which reached what was asked (b,), and the rounds."""

    codes: Rows
    gap: np.ndarray
    reached: np.ndarray
    turns: int


def solve(
    X: Array,
    V: Array,
    problem: Problem,
    own: tuple[Any, ...],
    *,
    n_jobs: int | None = None,
    sparse: bool = False,
) -> Solution:
    """Solve the problem for checked arrays of the host; `own` are init, gram, cov, scale.

    With `sparse` the codes are `Rows` of NumPy's, in the dtype of X.
    """
    data, pool = Data.of(X, V, *own), threads(n_jobs)
    n, k, dtype = data.x.shape[0], data.V.shape[0], data.x.dtype
    Z = None if sparse else np.empty((n, k), dtype)
    gap, reached, sq = np.empty(n), np.empty(n, np.bool_), np.empty(n)
    alone = n * k <= ALONE
    size = min(ROWS, n if alone else max(LEAST, math.ceil(n / CHUNKS)))

    def chunk(low: int) -> tuple[int, Rows | None]:
        here = slice(low, min(low + size, n))
        found = solved(data, problem, atoms, here, sq[here])
        gap[here], reached[here] = found.gap, found.reached
        if Z is None:
            return found.turns, found.codes._replace(
                values=found.codes.values.astype(dtype, copy=False)
            )
        expanded(found.codes, k, Z[here])
        return found.turns, None

    starts = range(0, n, size)
    workers = 1 if alone else min(pool, len(starts))
    with QUIET:
        atoms = data.atoms()
        turns, rows = zip(*in_parallel(chunk, starts, workers), strict=True)
    largest = float(np.max(2 * gap / np.where(sq > 0, sq, 1)))
    history = [Check(max(turns), n - int(reached.sum()), largest)]
    codes = stacked(rows) if Z is None else from_host(Z, X)
    return Solution(codes, from_host(gap, X), from_host(reached, X), max(turns), history)


def solved(data: Data, problem: Problem, atoms: Atoms, here: slice, sq: np.ndarray) -> Found:
    """Solve the rows of a chunk; write ‖x‖² into sq (b,)."""
    rows, single, penalty = data.rows(here), data.x.dtype != np.float64, problem.penalty
    np.einsum("ij,ij->i", rows, rows, out=sq)
    C = rows @ data.V.T if data.cov is None else wide(data.cov[here])
    part = Batch(C, sq, data.start(here))
    codes, gap, rest, turns = problem.solver.solve_rows(
        atoms, part, penalty, problem.max_iter, single
    )
    if isinstance(penalty, Cardinality):
        return Found(codes, gap, rest <= (penalty.target or np.inf), turns)
    found = Found(codes, gap, gap <= 0.5 * problem.tol * sq, turns)
    if not found.reached.all():
        found = second_chance(data, problem, here, found)
    if data.scale is None:
        return found
    scale = data.scale[here]
    codes = found.codes
    values = codes.values * np.repeat(scale, np.diff(codes.ends))
    sq *= scale**2
    return found._replace(codes=codes._replace(values=values), gap=found.gap * scale**2)


def second_chance(data: Data, problem: Problem, here: slice, found: Found) -> Found:
    """Judge the rows that fell short by their residuals; what still does is solved portably."""
    some, Z = np.flatnonzero(~found.reached), expanded(found.codes, data.V.shape[0])
    q = data.quadratic(some + here.start)
    portable = problem._replace(solver=solvers.find("working_set"))
    dtype = data.x.dtype
    before = Solution(Z[some].astype(dtype), found.gap[some], found.reached[some], 0, [])
    after, missed = judged(before, q, portable)
    if missed and found.turns < problem.max_iter:
        after = finished(after, q, portable, missed)
    Z[some], found.gap[some], found.reached[some] = after[:3]
    return found._replace(codes=compressed(Z))
