"""Sparse coding in the memory of the host: chunks of rows, from a pool of threads, compiled.

NumPy arrays and, in place, torch's and JAX's on the CPU. A chunk is cast to float64, multiplied
with the atoms and solved while it is in the cache; its size depends on the shapes alone, so that
any number of threads gives the same bits. Rows that fall short of their tolerance, among atoms
that nearly depend on each other, are refined as anywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from gpudict.arrays.door import Array, from_host, precise, to_host
from gpudict.arrays.recurring import made_of
from gpudict.arrays.rows import Rows, stacked, wide
from gpudict.arrays.threads import in_parallel, threads
from gpudict.coding.plan import Plan
from gpudict.coding.refinement import of_zeros, refined
from gpudict.coding.request import Request
from gpudict.objective.quadratic import Quadratic, diagonal, of_rows
from gpudict.solvers.base import Atoms, Kind, Limits, Place, RowBatch, RowSolution, RowSolver
from gpudict.solvers.host import _reduced
from gpudict.solvers.host._gram import MUCH, gram_of, with_angles, with_cosines
from gpudict.solvers.host._products import calm, product, rows_at_once
from gpudict.solvers.places import GRAM_LIMIT
from gpudict.solvers.records import Check, Solution

CHUNKS = 16  # if there are rows for so many, so that threads end together
ROWS = 512  # of a chunk, and more
BLOCK = 2**15  # where so many numbers of X and of their products with the atoms are in the cache
ALONE = 2**15  # numbers n·k up to which a second thread is not worth its start


def solve(
    request: Request,
    plan: Plan,
    *,
    n_jobs: int | None,
    sparse: bool,
    known: Atoms | None = None,
) -> Solution:
    """Solve for arrays of the host; with `sparse` the codes are `Rows` of NumPy's, in X's dtype.

    `known` is what the solver needs of the atoms, where it is at hand.
    """
    here, plan = in_numpy(request), plan.having(plan.penalty.mapped(wide))
    (n, k), dtype = (here.X.shape[0], here.V.shape[0]), here.X.dtype
    Z = None if sparse else np.zeros((n, k), dtype)
    alone = n * k <= ALONE
    assert isinstance(plan.solver, RowSolver)
    most = max(ROWS, BLOCK // (k if rows_at_once(here.V) else here.X.shape[1] + k))
    size = n if alone else min(most, _size(n, max(plan.solver.least, ALONE // k)))
    free: list[np.ndarray] = []  # for products: new memory takes as long as half of one

    def chunk(low: int) -> tuple[np.ndarray, np.ndarray, int, float, Any, Rows | None]:
        part = slice(low, min(low + size, n))
        rows, now = here.of_rows(part), plan.of_rows(part)
        space = free.pop() if free else np.empty((0 if atoms.V is not None else size, k))
        found, sq = untouched(rows, now) if plan.late else solved(rows, atoms, now, space)
        free.append(space)
        ended = plan.ended(len(sq), found.rounds, zeros=not len(found.codes.values))
        told = found.gap, found.converged, found.rounds, largest(found.gap, sq), *ended
        if Z is None:
            return *told, found.codes.kept(dtype)
        written(found.codes, Z[part])
        return *told, None

    starts = range(0, n, size)
    workers = 1 if alone else min(threads(n_jobs), len(starts))
    with precise(here.X), calm(n * here.V.size):
        atoms = atoms_for(plan, request.V, here, workers) if known is None else known
        atoms = _reduced.atoms_for(plan.penalty, atoms, here.V)
        parts = zip(*in_parallel(chunk, starts, workers), strict=True)
    gaps, done, rounds, tops, ended, rows = parts
    gap, converged = joined(gaps), joined(done)
    history = [Check(max(rounds), n - np.count_nonzero(converged), max(tops))]
    codes = stacked(rows) if Z is None else from_host(Z, request.X)
    bounds = (from_host(gap, request.X), from_host(converged, request.X))
    return Solution(codes, *bounds, max(rounds), history, ended=ended)


def _size(n: int, least: int) -> int:
    """Return the rows of a chunk, about `least` or more: of n an even number of chunks."""
    return math.ceil(n / min(CHUNKS, max(2, 2 * round(n / least / 2))))


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return vectors one after the other; one alone is itself."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def in_numpy(request: Request) -> Request:
    """Return the request with NumPy's arrays, in place; atoms and their Gram in float64."""
    X, V, init, gram, *others = request
    init = init if init is None or isinstance(init, Rows) else to_host(init)
    gram, (cov, weight) = None if gram is None else wide(gram), map(_if_any, others)
    return Request(to_host(X), made_of(V, wide), init, gram, cov, weight)


def _if_any(a: Array | None) -> np.ndarray | None:
    return None if a is None else to_host(a)


def atoms_of(V: Array, workers: int = 1) -> Atoms:
    """Return what row solvers need of the atoms; in the context of products."""
    V = wide(V)
    with calm(len(V) * V.size):
        return Atoms.of(gram_of(V, workers), V.shape[1])


def angles_of(V: Array, workers: int = 1) -> Atoms:
    """Return what pursuits need of them: their angles too."""
    return with_angles(atoms_of(V, workers), wide(V), workers)


def given_atoms(here: Request) -> Atoms:
    """Return what they need where a Gram or cov was given, so that the atoms' width is unknown."""
    return atoms_of(here.V)._replace(width=None) if here.gram is None else Atoms.of(here.gram, None)


def atoms_for(plan: Plan, V: Array, here: Request, workers: int) -> Atoms:
    """Return atoms V as the solver needs them: with a Gram of them all, or without."""
    if not here.is_products:
        return given_atoms(here)
    pursuit = plan.solver.kind is Kind.PURSUIT
    if plan.solver.place is Place.HOST_MANY:
        many = Atoms.many(here.V)
        return with_cosines(many, here.X.shape[0], workers) if pursuit else many
    make = angles_of if pursuit else atoms_of
    return make(here.V, workers) if len(here.V) * here.V.size > MUCH else made_of(V, make)


def solved(
    rows: Request, atoms: Atoms, plan: Plan, space: np.ndarray | None = None
) -> tuple[RowSolution, np.ndarray]:
    """Solve a chunk of rows, with space for products if there is; return also ‖x‖² of each."""
    solver, sq = plan.solver, np.empty(len(rows.X))
    assert isinstance(solver, RowSolver)
    X, cov, weight = rows.X, rows.cov, rows.weight
    limits = Limits(plan.tol, plan.max_iter, X.dtype != np.float64)
    if cov is None and atoms.V is None:
        cov = product(X, rows.V, sq, space)
    else:
        X, cov, weight = wide(X), *(a if a is None else wide(a) for a in (cov, weight))
        np.vecdot(X, X if weight is None else weight * X, out=sq)
    batch = RowBatch(cov, sq, start(rows), X, weight)
    found = _reduced.solve_rows(solver, atoms, batch, plan.penalty, limits)
    short = ~found.converged if plan.penalty.certified else np.isnan(found.gap)
    if short.any():
        exact = rows._replace(X=wide(X), weight=weight)
        factors = exact.factors if rows.is_products else None
        cov = exact.weighed @ rows.V.T if cov is None else cov
        gram = rows.shared_gram(GRAM_LIMIT) if plan.penalty.reduces else atoms.gram
        q = Quadratic(cov, sq, gram, factors)
        found = refined_rows(found, q, plan, np.flatnonzero(short), rows)
    return found, sq


def untouched(rows: Request, plan: Plan) -> tuple[RowSolution, np.ndarray]:
    """Return zeros for a chunk of rows, for which there is no time, and ‖x‖² of each."""
    X = wide(rows.X)
    gap, converged = of_zeros(sq := np.vecdot(X, X), plan)
    return RowSolution(nothing(len(X)), gap, converged, 0), sq


def refined_rows(
    found: RowSolution, q: Quadratic, plan: Plan, some: np.ndarray, rows: Request
) -> RowSolution:
    """Refine some of the rows."""
    k, dtype, plan = q.cov.shape[1], rows.X.dtype, plan.of_rows(some)
    Z, init = found.codes.dense(k), None if rows.init is None else start(rows).dense(k)[some]
    part = of_rows(q, some)
    init = init if init is None else plan.penalty.prox(np.where(diagonal(part) > 0, init, 0), 0.0)
    before = Solution(
        Z[some].astype(dtype), found.gap[some], found.converged[some], found.rounds, []
    )
    after = refined(before, part, plan, init)
    Z[some], found.gap[some], found.converged[some] = after[:3]
    return found._replace(codes=compressed(Z), rounds=max(found.rounds, after.n_iter))


def start(rows: Request) -> Rows:
    """Return the codes that some rows start from, in float64."""
    if rows.init is None:
        return nothing(rows.X.shape[0])
    if isinstance(rows.init, Rows):
        return rows.init.astype(np.float64)
    return compressed(wide(rows.init))


@lru_cache(4)
def nothing(n: int) -> Rows:
    """Return n rows without codes, which nothing writes into."""
    return Rows.blank(n)


def largest(gap: np.ndarray, sq: np.ndarray) -> float:
    """Return the largest relative gap; see `quadratic.relative_gap`."""
    from gpudict.solvers.host.kernels import rows

    found: float = rows.largest(gap, sq)
    return found


def written(codes: Rows, Z: np.ndarray) -> None:
    """Write codes into dense rows of zeros."""
    from gpudict.solvers.host.kernels import rows

    rows.expand(*codes, Z)


def compressed(Z: np.ndarray) -> Rows:
    """Return dense rows (b, k) in compressed form."""
    from gpudict.solvers.host.kernels import rows

    codes = Rows.blank(len(Z), Z.shape[1])
    rows.compress(Z, *codes)
    return codes.trimmed()
