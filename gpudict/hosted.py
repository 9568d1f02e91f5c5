"""Sparse coding in the memory of the host: chunks of rows, from a pool of threads, compiled.

NumPy arrays and, in place, torch's on the CPU. A chunk is cast to float64, multiplied with the
atoms and solved while it is in the cache; its size depends on the number of rows alone, so that any
number of threads gives the same bits. Rows that fall short of their tolerance, among atoms that
nearly depend on each other, are judged by their residuals and get a second chance with a portable
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
from gpudict.loop import Solution, run
from gpudict.penalties import L1, Cardinality, Penalty
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
    alpha : (n,), the weight of ‖u‖₁ of each row
    scale : (n, 1), by which a row is divided where all must have the alpha of the problem
    """

    x: np.ndarray
    V: np.ndarray
    init: np.ndarray | Rows | None
    gram: np.ndarray | None
    cov: np.ndarray | None
    alpha: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, X: Array, V: Array, penalty: Penalty, own: tuple[Any, ...]) -> Data:
        """Look at the arrays in place."""
        init, gram, cov, scale = own
        if init is not None and not isinstance(init, Rows):
            init = to_host(init)
        alpha = penalty.alpha if isinstance(penalty, L1) else 0.0
        scale = np.ones(X.shape[0]) if scale is None else wide(scale)
        return cls(
            x=to_host(X),
            V=wide(V),
            init=init,
            gram=None if gram is None else wide(gram),
            cov=None if cov is None else to_host(cov),
            alpha=alpha * scale,
            scale=scale[:, None],
        )

    def batch(self, here: slice) -> Batch:
        """Return some rows as the compiled solvers take them."""
        rows = wide(self.x[here])
        C = rows @ self.V.T if self.cov is None else wide(self.cov[here])
        return Batch(C, np.einsum("ij,ij->i", rows, rows), self.start(here), self.alpha[here])

    def start(self, here: slice) -> Rows:
        """Return the codes that some rows start from."""
        if self.init is None:
            return blank(here.stop - here.start)
        some = self.init.cut(here) if isinstance(self.init, Rows) else compressed(self.init[here])
        return some._replace(values=wide(some.values))

    def atoms(self) -> Atoms:
        """Return the atoms as the compiled loops need them."""
        own = self.gram is not None or self.cov is not None
        gram = self.V @ self.V.T if self.gram is None else self.gram
        return Atoms.of(gram, None if own else self.V.shape[1])

    def quadratic(self, some: np.ndarray) -> Quadratic:
        """Return the quadratic of some rows, divided by their scales, in float64."""
        own, scale = self.cov is not None or self.gram is not None, self.scale[some]
        q = least_squares(wide(self.x[some]) / scale, self.V, gram=self.gram)
        cov = q.cov if self.cov is None else wide(self.cov[some]) / scale
        return q._replace(cov=cov, factors=None) if own else q


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
    data, pool = Data.of(X, V, problem.penalty, own), threads(n_jobs)
    n, k, dtype = data.x.shape[0], data.V.shape[0], data.x.dtype
    Z = None if sparse else np.zeros((n, k), dtype)
    gap, reached, sq = np.empty(n), np.empty(n, np.bool_), np.empty(n)
    alone = n * k <= ALONE
    size = min(ROWS, n if alone else max(LEAST, math.ceil(n / CHUNKS)))

    def chunk(low: int) -> tuple[int, Rows | None]:
        here = slice(low, min(low + size, n))
        part = data.batch(here)
        found = solved(data, problem, atoms, part, low)
        gap[here], reached[here], sq[here] = found.gap, found.reached, part.sq
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


def solved(data: Data, problem: Problem, atoms: Atoms, part: Batch, first: int) -> Found:
    """Solve the rows of a chunk, the first of which has that number."""
    single, penalty, limit = data.x.dtype != np.float64, problem.penalty, problem.max_iter
    codes, gap, rest, turns = problem.solver.solve_rows(atoms, part, penalty, limit, single)
    if isinstance(penalty, Cardinality):
        limited = (np.diff(codes.ends) == limit) & (limit < penalty.n_nonzero)
        found = Found(codes, gap, ~limited & (rest <= (penalty.target or np.inf)), turns)
        again, some = pursued, np.flatnonzero(np.isnan(rest))
    else:
        found = Found(codes, gap, gap <= 0.5 * problem.tol * part.sq, turns)
        again, some = second_chance, np.flatnonzero(~found.reached)
    if not len(some):
        return found
    Z = expanded(codes, data.V.shape[0])
    new = again(
        data, problem, some + first, Solution(Z[some], gap[some], found.reached[some], turns, [])
    )
    Z[some], found.gap[some], found.reached[some] = new[:3]
    return found._replace(codes=compressed(Z), turns=max(turns, new.n_iter))


def pursued(data: Data, problem: Problem, rows: np.ndarray, found: Solution) -> Solution:
    """Pursue the rows that the compiled solver gave up with the portable one."""
    q = data.quadratic(rows)
    omp, most = solvers.find("omp"), problem.max_iter
    return run(omp, q, problem.penalty, found.Z, stop=problem.stop, max_iter=most)


def second_chance(data: Data, problem: Problem, rows: np.ndarray, found: Solution) -> Solution:
    """Judge the rows that fell short by their residuals; the homotopy solves those that still do.

    The last word is on the codes as they are rounded; those with the smaller gap stay.
    """
    q, scale = data.quadratic(rows), data.scale[rows]
    homotopy = problem._replace(solver=solvers.find("lars"))
    before, missed = judged(found._replace(Z=found.Z / scale), q, homotopy)
    after = before
    if missed and found.n_iter < problem.max_iter:
        after, _ = finished(before, q, homotopy, missed)
        rounded = wide((after.Z * scale).astype(data.x.dtype))
        after, _ = judged(after._replace(Z=rounded / scale), q, homotopy)
    better = after.gap < before.gap
    gap, reached = (np.where(better, *pair) for pair in zip(after[1:3], before[1:3], strict=True))
    Z = np.where(better[:, None], after.Z, before.Z)
    return Solution(Z * scale, gap * scale[:, 0] ** 2, reached, after.n_iter, [])
