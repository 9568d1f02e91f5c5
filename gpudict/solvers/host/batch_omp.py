"""Orthogonal matching pursuit on the host: compiled, a row after the other; see `kernels.pursuit`.

It starts from nothing chosen, whatever codes it is given.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gpudict.arrays.rows import Rows, fixed
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.solvers.base import Atoms, Kind, Limits, RowBatch, RowSolution, RowSolver
from gpudict.solvers.constants import EPS, FAINT
from gpudict.solvers.host._gram import with_angles
from gpudict.solvers.host._products import product

NONE = np.empty((0, 0))


class BatchOmp(RowSolver[Cardinality]):
    """Orthogonal matching pursuit, with a Cholesky factor.

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

        atoms = atoms if atoms.cosines is not None else with_angles(atoms)
        most, largest = min(penalty.n_nonzero, limits.max_iter), float(atoms.norms.max())
        d = 0 if rows.X is None else rows.X.shape[1]
        places = pursuit.space(atoms.cosines, atoms.norms, largest, d, most, self.errors)
        codes, error = Rows.blank(len(rows.sq), most), np.empty(len(rows.sq))
        units = units_of(rows)
        gram = fixed(NONE if atoms.gram is None else atoms.gram)
        made = (*_products(atoms, rows), gram, atoms.norms, rows.sq)
        data = pursuit.Data(*made, *_prices(atoms, rows, units))
        rule = (largest, most, penalty.target, penalty.positive)
        rounds = pursuit.solve(data, *rule, places, tuple(codes), error)
        return solution(codes, error, penalty, most, rounds)


def solution(
    codes: Rows, error: np.ndarray, penalty: Cardinality, most: int, rounds: int
) -> RowSolution:
    """Return what was found with at most so many atoms; rows without an error are given up."""
    full = (np.diff(codes.ends) == most) & (most < penalty.n_nonzero)
    converged = error <= penalty.target if penalty.target else ~full & ~np.isnan(error)
    gap = np.where(np.isnan(error), error, np.inf)
    return RowSolution(codes.trimmed(), gap, converged, rounds)


def _products(atoms: Atoms, rows: RowBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return X, V and X Vᵀ (b, k): rows and atoms, or where these are not known their product."""
    if atoms.V is None or rows.X is None:
        assert rows.cov is not None
        return fixed(NONE), fixed(NONE), fixed(rows.cov)
    return fixed(rows.X), fixed(atoms.V), fixed(NONE)


def _prices(
    atoms: Atoms, rows: RowBatch, units: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return X Vᵀ of rows and atoms of norm 1 in float32, the rows' units, and its rounding."""
    scale = 1 / np.where(units > 0, units, 1)[:, None]
    if atoms.units is None or rows.X is None:
        assert rows.cov is not None
        assert atoms.cosines is not None
        (b, k), wide = rows.cov.shape, atoms.cosines.shape[1]
        C = np.zeros((b, wide), np.float32)
        C[:, :k] = rows.cov * scale / np.where(atoms.norms > 0, atoms.norms, 1)
        return C, units, 2 * EPS["float32"]
    C = product((rows.X * scale).astype(np.float32), atoms.units)
    return C, units, (rows.X.shape[1] + 4) * EPS["float32"]


def units_of(rows: RowBatch) -> np.ndarray:
    """Return the norms of the rows, or more where their squares are no numbers, (b,)."""
    units: np.ndarray = np.sqrt(rows.sq)
    if units.min() ** 2 < FAINT:
        data = rows.cov if rows.X is None else rows.X
        assert data is not None
        units = np.where(rows.sq < FAINT, np.abs(data).max(axis=1) * data.shape[1], units)
    return units


SOLVER = BatchOmp()
