"""Orthogonal matching pursuit over many atoms on the host: compiled; see `kernels.crowd`.

It starts from nothing chosen, whatever codes it is given.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gpudict.arrays.rows import Rows, fixed
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.solvers.base import Atoms, Kind, Limits, Place, RowBatch, RowSolution, RowSolver
from gpudict.solvers.host.batch_ols import BatchOls
from gpudict.solvers.host.batch_omp import BatchOmp, solution, units_of

STRIP = 1024  # atoms whose product with a block is in the cache while it is used
NUMBERS = 2**22  # of a block of rows and all atoms, at most


class GatheredOmp(RowSolver[Cardinality]):
    """Orthogonal matching pursuit with a product a step, and Grams of the chosen atoms alone.

    Attributes
    ----------
    errors : whether an atom is chosen by the error that it leaves, not by its pull
    """

    penalties = (Cardinality,)
    kind = Kind.PURSUIT
    place = Place.HOST_MANY
    stands_for: ClassVar[tuple[str, ...]] = ("cd", "omp")
    fallback = "omp"
    max_iter = 10_000
    least = 256
    errors: ClassVar[bool] = False

    def solve_rows(
        self, atoms: Atoms, rows: RowBatch, penalty: Cardinality, limits: Limits
    ) -> RowSolution:
        """Pursue the rows, block by block."""
        from gpudict.solvers.host.kernels import block as blocks
        from gpudict.solvers.host.kernels import crowd

        if atoms.V is None or rows.X is None or atoms.cosines is not None:
            few = BatchOls() if self.errors else BatchOmp()
            return few.solve_rows(atoms, rows, penalty, limits)
        k, largest = len(atoms.V), float(atoms.norms.max())
        many = blocks.Many(fixed(atoms.V), atoms.norms, _shares(atoms.norms, largest), largest)
        most = min(penalty.n_nonzero, limits.max_iter)
        rule = blocks.Rule(most, penalty.target, penalty.positive, self.errors)
        codes, error, units = Rows.blank(len(rows.X), most), np.empty(len(rows.X)), units_of(rows)
        size = max(1, NUMBERS // k)
        rounds = 0
        for low in range(0, len(rows.X), size):
            part = slice(low, low + size)
            block = blocks.begin(fixed(rows.X[part]), rows.sq[part], units[part], k, rule)
            _pursue(block, atoms, many, rule)
            crowd.written(block, tuple(codes), error, low)
            rounds = max(rounds, int(block.counts.max()))
        return solution(codes, error, penalty, most, rounds)


def _pursue(block: Any, atoms: Atoms, many: Any, rule: Any) -> None:
    """Let a block's rows come to their ends, with a product a step."""
    from gpudict.solvers.host.kernels import block as blocks
    from gpudict.solvers.host.kernels import crowd

    units, some = atoms.units, np.flatnonzero(block.states == blocks.GOING)
    assert units is not None
    while len(some):
        E = block.E[some]
        for first in range(0, len(units), STRIP):
            C = E @ units[first : first + STRIP].T
            crowd.absorb(some, C, first, block, many, rule)
        crowd.advance(some, block, many, rule)
        some = some[block.states[some] == blocks.GOING]


def _shares(norms: np.ndarray, largest: float) -> np.ndarray:
    return (norms / (largest or 1)).astype(np.float32)


SOLVER = GatheredOmp()
