"""Orthogonal least squares on the Gram: each step takes the atom that lowers the error most.

For each atom v the squared length n of its part outside the span of the chosen ones is kept beside
its correlation with the residual r. To let it in lowers ‖r‖² by ⟨v, r⟩²/n, and with the unit vector
e that it adds to the span all n fall by ⟨v, e⟩²: one product of e with all atoms a step. Chen,
Billings and Luo (1989), "Orthogonal least squares methods and their application to non-linear
system identification"; Rebollo-Neira and Lowe (2002), "Optimized orthogonal matching pursuit
approach". All else is that of `omp`: what is barred, and what happens where codes must not be
negative.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace, divisor, scatter
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.quadratic import Quadratic, diagonal, product
from gpudict.objective.small_grams import gathered
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.portable import omp


class State(NamedTuple):
    """That of `omp`, and `outside` (n, k), the squared lengths outside the span."""

    Z: Array
    corr: Array
    barred: Array
    index: Array
    inverse: Array
    factor: Array
    y: Array
    count: Array
    done: Array
    squared: Array
    tried: int
    outside: Array


class Ols(IterativeSolver[Cardinality, State]):
    """Orthogonal least squares, with a Cholesky factor a row."""

    penalties = (Cardinality,)
    kind = Kind.PURSUIT
    max_iter = 10_000

    def numbers_per_row(self, k: int, most: int, width: int) -> int:
        """Return the numbers of `omp`, and of five more dense rows."""
        return omp.SOLVER.numbers_per_row(k, most, width) + 5 * k

    def init(self, q: Quadratic, penalty: Cardinality, Z: Array) -> State:
        """Start from nothing chosen, whatever Z is."""
        whole = array_namespace(Z).zeros_like(Z) + diagonal(q)[None, :]
        return State(*omp.SOLVER.init(q, penalty, Z), whole)

    def step(self, q: Quadratic, penalty: Cardinality, state: State) -> State:
        """Choose one more atom for each row that is not done, and fit all its atoms again."""
        xp = array_namespace(state.Z)
        norm2, pull = diagonal(q)[None, :], penalty.pull(state.corr)
        eps = float(xp.finfo(pull.dtype).eps)
        strong = pull > 8 * eps * xp.sqrt(q.sq[:, None] * norm2)
        outside = divisor(xp.maximum(state.outside, 64 * eps * norm2))  # below it is rounding
        worth = xp.where(strong, pull * pull / outside, xp.zeros_like(pull))
        state, e = omp.advanced(q, penalty, state, worth)
        if q.gram is None and q.factors is not None:
            e = (e[:, None, :] @ gathered(q, state.index))[:, 0, :]
            part = e @ xp.matrix_transpose(q.factors[1])
        else:
            part = product(q, scatter(state.index, e, e != 0, pull.shape[1]))
        return state._replace(outside=state.outside - part * part)

    def settled(self, state: State) -> Array:
        """Say which rows have what they may have."""
        return state.done

    def error(self, state: State) -> Array:
        """Return the squared errors."""
        return state.squared


SOLVER = Ols()
