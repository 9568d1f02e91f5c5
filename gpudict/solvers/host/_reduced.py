"""Rows solved as another problem: the lasso that a penalty is over other atoms, or of other codes.

It is what `loop.run` does for arrays, for atoms and rows as row solvers have them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays.rows import Rows
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import Atoms, Limits, RowBatch, RowSolution, RowSolver


def atoms_for(penalty: Any, atoms: Atoms, V: np.ndarray) -> Atoms:
    """Return atoms V, of which there is a Gram, as solvers of the reduced problem need them."""
    if not penalty.reduces:
        return atoms
    zero = np.zeros((1, len(V)))
    factors = None if atoms.width is None else (np.zeros((1, V.shape[1])), V)
    q, _, _ = penalty.reduced(Quadratic(zero, zero[:, 0], atoms.gram, factors), zero)
    return Atoms.of(q.gram, None if q.factors is None else q.factors[1].shape[1])


def solve_rows(
    solver: RowSolver[Any], atoms: Atoms, rows: RowBatch, penalty: Any, limits: Limits
) -> RowSolution:
    """Return the codes of rows, with bounds that hold for them once they are rounded."""
    if not penalty.reduces:
        return solver.solve_rows(atoms, rows, penalty, limits)
    q, plain, size = penalty.reduced(Quadratic(rows.cov, rows.sq), np.ones((1, len(atoms.norms))))
    same = bool((size == 1).all())
    init = _times(rows.init, size[0])
    batch = rows._replace(cov=q.cov, init=init)
    found = solver.solve_rows(atoms, batch, plain, limits._replace(single=limits.single and same))
    if same:
        return found
    codes, eps = found.codes, float(np.finfo(np.float32 if limits.single else np.float64).eps)
    mass = codes.summed(np.abs(codes.values) * atoms.norms[codes.columns])
    raised = eps * (np.sqrt(rows.sq + 2 * found.gap) * mass + plain.cost(codes, size.shape[1]))
    gap = found.gap + raised + (eps * mass) ** 2
    converged = gap <= 0.5 * limits.tol * rows.sq
    back = penalty.restored(np.ones_like(size))[0]
    return RowSolution(_times(codes, back), gap, converged, found.rounds)


def _times(codes: Rows, size: np.ndarray) -> Rows:
    return codes._replace(values=codes.values * size[codes.columns])
