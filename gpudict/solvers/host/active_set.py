"""The active-set lasso of the host: compiled, exact, a row after the other; see `kernels.lasso`.

It works in float64, and its gaps are certificates: rounding is in them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gpudict.arrays.rows import Rows, fixed
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import Atoms, Kind, Limits, RowBatch, RowSolution, RowSolver
from gpudict.solvers.constants import FAINT


class ActiveSet(RowSolver[L1]):
    """An active set and the inverse of its Gram, to the exact optimum.

    Attributes
    ----------
    rounds : of a row, before it is left to another solver
    spare : places beyond the width of the atoms, for those that wait to change places
    """

    penalties = (L1,)
    kind = Kind.CERTIFIED
    stands_for = ("cd",)
    fallback = "working_set"
    rounds: ClassVar[int] = 300
    spare: ClassVar[int] = 16

    def solve_rows(self, atoms: Atoms, rows: RowBatch, penalty: L1, limits: Limits) -> RowSolution:
        """Solve the rows; the atoms of the codes to start from are the first active set."""
        from gpudict.solvers.host.kernels import lasso

        assert rows.cov is not None
        assert atoms.gram is not None
        b, k = rows.cov.shape
        most, allowed = self.sizes(k, atoms.width, limits.max_iter)
        codes, gap = Rows.blank(b, most), np.empty(b)
        data = (fixed(rows.cov), fixed(atoms.gram), rows.sq, atoms.norms, tuple(rows.init))
        wanted = (np.full(b, penalty.alpha, np.float64), penalty.positive, limits.single)
        space = lasso.space(k, most)
        rounds = lasso.solve(*data, *wanted, allowed, space, tuple(codes), gap)
        return solution(codes.trimmed(), gap, rounds, rows, limits, rows.cov)

    def sizes(self, k: int, width: int | None, max_iter: int) -> tuple[int, tuple[float, int, int]]:
        """Return the most atoms of a set, and limits of `kernels.lasso`, for atoms (k, width)."""
        most = k if width is None else min(k, width + self.spare)
        rank = most if width is None else min(k, width)
        return most, ((width or 0) + 4.0, rank, min(max_iter, self.rounds))


def work_of(n: int, k: int, most: int) -> tuple[Any, ...]:
    """Return what `kernels.problems` works in, for n rows and k atoms, sets of `most` of them."""
    from gpudict.solvers.host.kernels import lasso

    both = ((a, fixed(a)) for a in (np.empty((k, k)), np.empty((n, k))))
    rooms = tuple(Rows.blank(n, most)), tuple(Rows.blank(n))
    return (*both, np.empty(k), lasso.space(k, most), rooms)


def solution(
    codes: Rows,
    gap: np.ndarray,
    rounds: int,
    rows: RowBatch,
    limits: Limits,
    data: np.ndarray,
) -> RowSolution:
    """Return what was found, with a bound that is no 0 where squares of the data are no numbers."""
    if rows.sq.min() < FAINT:
        faint = (rows.sq < FAINT) & data.any(axis=1)
        gap = np.maximum(gap, np.finfo(np.float64).smallest_normal * faint)
    converged = gap <= 0.5 * limits.tol * rows.sq
    return RowSolution(codes, gap, converged, rounds)


SOLVER = ActiveSet()
