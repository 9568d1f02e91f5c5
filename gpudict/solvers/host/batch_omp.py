"""Orthogonal matching pursuit on the host: compiled, a row after the other; see `kernels.pursuit`.

It starts from nothing chosen, whatever codes it is given.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.solvers.base import Atoms, Kind, Limits, RowBatch, RowSolution, RowSolver


class BatchOmp(RowSolver[Cardinality]):
    """Orthogonal matching pursuit, with the inverse of the Gram."""

    penalties = (Cardinality,)
    kind = Kind.PURSUIT
    stands_for = ("cd", "omp")
    fallback = "omp"
    max_iter = 10_000

    def solve_rows(
        self, atoms: Atoms, rows: RowBatch, penalty: Cardinality, limits: Limits
    ) -> RowSolution:
        """Pursue the rows."""
        from gpudict.solvers.host.kernels import pursuit

        most = min(penalty.n_nonzero, limits.max_iter)
        codes, error = Rows.blank(len(rows.sq), most), np.empty(len(rows.sq))
        assert rows.cov is not None
        data = (rows.cov, atoms.gram, rows.sq, atoms.norms)
        rounds = pursuit.solve(*data, most, penalty.target, penalty.positive, tuple(codes), error)
        full = (np.diff(codes.ends) == most) & (most < penalty.n_nonzero)
        converged = error <= penalty.target if penalty.target else ~full & ~np.isnan(error)
        gap = np.where(np.isnan(error), error, np.inf)
        return RowSolution(codes.trimmed(), gap, converged, rounds)


SOLVER = BatchOmp()
