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

        most = min(penalty.n_nonzero, limits.max_iter)
        like = np.empty(0, np.float32 if limits.single else np.float64)
        floor = PURSUIT[like.dtype.name].FLOOR
        places = pursuit.space(atoms.gram, most, self.errors, floor, like)
        codes, error = Rows.blank(len(rows.sq), most), np.empty(len(rows.sq))
        assert rows.cov is not None
        data = (rows.cov, atoms.gram, rows.sq, atoms.norms)
        rule = (most, penalty.target, penalty.positive)
        rounds = pursuit.solve(*data, *rule, places, tuple(codes), error)
        full = (np.diff(codes.ends) == most) & (most < penalty.n_nonzero)
        converged = error <= penalty.target if penalty.target else ~full & ~np.isnan(error)
        gap = np.where(np.isnan(error), error, np.inf)
        return RowSolution(codes.trimmed(), gap, converged, rounds)


SOLVER = BatchOmp()
