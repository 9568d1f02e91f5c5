"""The lasso over many atoms on the host: compiled, and no Gram of all of them; `kernels.gathered`.

Rows are priced together, by a product with all atoms, in float32 where alpha is far above what that
rounds; what is near alpha is priced once more in float64, in which everything else is computed.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gpudict.arrays.rows import Rows, fixed
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import Atoms, Kind, Limits, Place, RowBatch, RowSolution, RowSolver
from gpudict.solvers.constants import EPS
from gpudict.solvers.host.active_set import ActiveSet, solution

CLEAR = 16  # times its rounding, that alpha is above where float32 prices


class GatheredSet(RowSolver[L1]):
    """An active set among few gathered atoms, priced by products with all of them.

    Attributes
    ----------
    rounds : of a row, before it is left to another solver
    spare : places beyond the width of the atoms, for those that wait to change places
    largest : places at most, as the inverse of a Gram of so many is kept
    """

    penalties = (L1,)
    kind = Kind.CERTIFIED
    place = Place.HOST_MANY
    stands_for = ("cd",)
    fallback = "working_set"
    weighted = True
    rounds: ClassVar[int] = 300
    spare: ClassVar[int] = 16
    largest: ClassVar[int] = 1024

    def solve_rows(self, atoms: Atoms, rows: RowBatch, penalty: L1, limits: Limits) -> RowSolution:
        """Solve the rows; the atoms of the codes to start from are the first that are gathered."""
        from gpudict.solvers.host.kernels import gathered

        if atoms.V is None or rows.X is None:  # there is but a Gram
            return ActiveSet().solve_rows(atoms, rows, penalty, limits)
        X, V, alphas = rows.X, atoms.V, penalty.alphas(rows.sq)
        if rows.weight is not None:
            return self._weighted(rows, V, penalty, limits)
        price = _by_float32 if _is_clear(alphas, rows.sq, X.shape[1]) else _by_float64
        (b, d), k = X.shape, len(V)
        codes = self._space(b, k, d)
        most = codes[0].shape[1]
        gap, rounds, done = np.empty(b), np.zeros(b, np.int32), np.zeros(b, np.bool_)
        data = (X, V, atoms.norms, np.empty((b, d)))
        gathered.begin(tuple(rows.init), X, V, penalty.positive, most, *codes, data[-1])
        allowed = (d + 4.0, min(limits.max_iter, self.rounds))
        wanted = (alphas, penalty.positive, limits.single)
        while not done.all():
            some = np.flatnonzero(~done)
            C, reach = price(data[-1][some], atoms)
            state = (data, rows.sq, *wanted, allowed, codes, gap, rounds, done)
            gathered.advance(some, C, reach, *state)
        return solution(_rows(*codes), gap, int(rounds.max()), rows, limits, X)

    def _weighted(self, rows: RowBatch, V: np.ndarray, penalty: L1, limits: Limits) -> RowSolution:
        """Solve rows whose entries have weights, each with its own atoms."""
        from gpudict.solvers.host.kernels import weighted

        X, weight, (k, d) = rows.X, rows.weight, V.shape
        assert X is not None
        assert weight is not None
        codes, gap = self._space(len(X), k, d), np.empty(len(X))
        wanted = (penalty.alphas(rows.sq), penalty.positive, limits.single)
        allowed = (d + 4.0, min(limits.max_iter, self.rounds))
        data = (*map(fixed, (X, weight, V)), tuple(rows.init), rows.sq)
        rounds = weighted.solve(*data, *wanted, allowed, codes, gap)
        return solution(_rows(*codes), gap, rounds, rows, limits, X * weight)

    def _space(self, b: int, k: int, d: int) -> tuple[np.ndarray, ...]:
        """Return columns, values and counts of the codes of b rows."""
        most = min(k, d + self.spare, self.largest)
        return np.empty((b, most), np.int32), np.empty((b, most)), np.empty(b, np.int64)


def _rows(columns: np.ndarray, values: np.ndarray, counts: np.ndarray) -> Rows:
    """Return codes in compressed rows, of which each row has so many."""
    kept = np.arange(columns.shape[1]) < counts[:, None]
    return Rows(np.concatenate(([0], np.cumsum(counts))), columns[kept], values[kept])


def _is_clear(alphas: np.ndarray, sq: np.ndarray, d: int) -> bool:
    """Whether all alphas, in units of ‖x‖, are far above the rounding of a product in float32."""
    return bool((alphas > CLEAR * _rounding(d, "float32") * np.sqrt(sq)).all())


def _by_float32(R: np.ndarray, atoms: Atoms) -> tuple[np.ndarray, float]:
    """Return the cosines of residuals and atoms, (len(R), k), and what they are off at most."""
    assert atoms.units is not None
    return _scaled(R).astype(np.float32) @ atoms.units.T, _rounding(R.shape[1], "float32")


def _by_float64(R: np.ndarray, atoms: Atoms) -> tuple[np.ndarray, float]:
    assert atoms.V is not None
    C = _scaled(R) @ atoms.V.T
    C /= np.where(atoms.norms > 0, atoms.norms, 1)
    return C.astype(np.float32), EPS["float32"]


def _scaled(R: np.ndarray) -> np.ndarray:
    norms = np.sqrt(np.einsum("ij,ij->i", R, R))
    return R / np.where(norms > 0, norms, 1)[:, None]


def _rounding(d: int, dtype: str) -> float:
    return (d + 4) * EPS[dtype]


SOLVER = GatheredSet()
