"""Orthogonal matching pursuit on the host: compiled, a row after the other; see `kernels.pursuit`.

It starts from nothing chosen, whatever codes it is given.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.solvers.base import Atoms, Kind, Limits, RowBatch, RowSolution, RowSolver
from gpudict.solvers.constants import PURSUIT


class BatchOmp(RowSolver[Cardinality]):
    """Orthogonal matching pursuit, with the inverse of the Gram.

    Attributes
    ----------
    errors : whether an atom is chosen by the error that it leaves, not by its pull
    """

    penalties = (Cardinality,)
    kind = Kind.PURSUIT
    stands_for: ClassVar[tuple[str, ...]] = ("cd", "omp")
    fallback = "omp"
    max_iter = 10_000
    errors: ClassVar[bool] = False

    def solve_rows(
        self, atoms: Atoms, rows: RowBatch, penalty: Cardinality, limits: Limits
    ) -> RowSolution:
        """Pursue the rows."""
        from gpudict.solvers.host.kernels import pursuit

        most, dtype = (
            min(penalty.n_nonzero, limits.max_iter),
            "float32" if limits.single else "float64",
        )
        codes, error = Rows.blank(len(rows.sq), most), np.empty(len(rows.sq))
        data = (rows.cov, atoms.gram, rows.sq, atoms.norms)
        rule = (penalty.target, penalty.positive, self.errors, PURSUIT[dtype].FLOOR)
        rounds = pursuit.solve(*data, most, *rule, np.empty(0, dtype), tuple(codes), error)
        full = (np.diff(codes.ends) == most) & (most < penalty.n_nonzero)
        converged = error <= penalty.target if penalty.target else ~full & ~np.isnan(error)
        gap = np.where(np.isnan(error), error, np.inf)
        return RowSolution(codes.trimmed(), gap, converged, rounds)


SOLVER = BatchOmp()
