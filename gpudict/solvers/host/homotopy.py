"""The homotopy on the host: compiled, a row after the other; see `kernels.homotopy`.

It starts from the zero code, whatever codes it is given. Rows whose active atoms nearly depend on
each other are left to the portable solver.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gpudict.arrays.rows import Rows, fixed
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import Atoms, Kind, Limits, RowBatch, RowSolution, RowSolver
from gpudict.solvers.constants import EPS
from gpudict.solvers.host import active_set
from gpudict.solvers.portable import lars


class Homotopy(RowSolver[L1 | Cardinality]):
    """The exact path of the lasso, or least-angle regression, with the inverse of the Gram.

    Attributes
    ----------
    spare : places beyond the width of the atoms, for those that rounding adds
    """

    penalties = (L1, Cardinality)
    kind = Kind.CERTIFIED
    stands_for: ClassVar[tuple[str, ...]] = ("lars",)
    fallback = "lars"
    max_iter = lars.SOLVER.max_iter
    spare: ClassVar[int] = 16

    def solve_rows(
        self, atoms: Atoms, rows: RowBatch, penalty: L1 | Cardinality, limits: Limits
    ) -> RowSolution:
        """Follow the path of each row."""
        from gpudict.solvers.host.kernels import homotopy

        assert rows.cov is not None
        assert atoms.gram is not None
        (b, k), lasso = rows.cov.shape, isinstance(penalty, L1)
        width = k if atoms.width is None else min(k, atoms.width + self.spare)
        most = width if isinstance(penalty, L1) else penalty.n_nonzero
        target = 0.0 if isinstance(penalty, L1) else penalty.target
        alphas = penalty.alphas(rows.sq) if isinstance(penalty, L1) else np.zeros(b)
        codes, gap, rounds = Rows.blank(b, most), np.empty(b), np.empty(b, np.int32)
        ended = np.empty(b, np.bool_)
        least = target if target > 0 else -np.inf
        rule = homotopy.Rule(penalty.positive, lasso, most, least, limits.max_iter)
        data = (fixed(rows.cov), fixed(atoms.gram), rows.sq, atoms.norms, alphas)
        ways = (lars.ties(k, EPS["float64"]), rule, limits.single, (atoms.width or 0) + 4.0)
        homotopy.solve(*data, *ways, homotopy.space(k, most), tuple(codes), gap, rounds, ended)
        codes, longest = codes.trimmed(), int(rounds.max())
        if lasso:
            return active_set.solution(codes, gap, longest, rows, limits, rows.cov)
        converged = gap <= target if target else ended & ~np.isnan(gap)
        return RowSolution(codes, np.where(np.isnan(gap), gap, np.inf), converged, longest)


SOLVER = Homotopy()
