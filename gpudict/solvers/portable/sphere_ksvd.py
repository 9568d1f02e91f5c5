"""K-SVD: each atom in turn, together with its codes in the rows that use it.

With E = X − Σ_{i≠j} u_i v_iᵀ in the rows where u_j is not 0, the best v_j and u_j are the first
singular pair of E. One step of the power method from the codes there are does as well:

    v_j ← prox(Eᵀ u_j),   u_j ← E v_j

Aharon, Elad and Bruckstein (2006), https://doi.org/10.1109/TSP.2006.881199, section IV-C; the step
is that of Rubinstein, Zibulevsky and Elad (2008), Efficient implementation of the K-SVD algorithm
using batch orthogonal matching pursuit, section 3.2. Both halves are exact for the other, so that
the error cannot rise, and no row gets more atoms than it had. Here Z = Vᵀ: atoms are columns.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace, at
from gpudict.objective.penalties.columns import ColumnPenalty
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.stopping import still


class State(NamedTuple):
    """Atoms in columns (d, k), those before, codes (n, k), residual (n, d); whether codes ≥ 0."""

    Z: Array
    previous: Array
    U: Array
    R: Array
    positive: bool = False


class Ksvd(IterativeSolver[ColumnPenalty, State]):
    """One atom after the other, with its codes: the quadratic has its factors, Xᵀ and Uᵀ."""

    penalties = (ColumnPenalty,)
    kind = Kind.UPDATE
    max_iter = 1
    turns_codes = True

    def init(self, q: Quadratic, penalty: ColumnPenalty, Z: Array) -> State:
        """Start from feasible atoms and the codes of the quadratic."""
        assert q.factors is not None
        xp = array_namespace(Z)
        X, U = (xp.matrix_transpose(a) for a in q.factors)
        return State(Z, Z, U, X - U @ xp.matrix_transpose(Z))

    def step(self, q: Quadratic, penalty: ColumnPenalty, state: State) -> State:
        """Turn each atom; one that no code uses stays."""
        xp, R = array_namespace(state.Z), state.R
        Z, U = (xp.asarray(a, copy=True) for a in (state.Z, state.U))
        for j in range(Z.shape[1]):
            here = slice(j, j + 1)
            u, v, R = turned(penalty, U[:, here], Z[:, here], R, positive=state.positive)
            U, Z = at(U)[:, here].set(u, copy=None), at(Z)[:, here].set(v, copy=None)
        return State(Z, state.Z, U, R, state.positive)

    def settled(self, state: State) -> Array:
        """Whether the last sweep moved a feature by rounding alone."""
        return still(state.Z, state.previous)


def turned(
    penalty: ColumnPenalty, u: Array, v: Array, R: Array, *, positive: bool
) -> tuple[Array, Array, Array]:
    """Return the codes (m, 1) of an atom, the atom (d, 1), and what is left of the rows (m, d).

    For those before; codes that are 0 stay so.
    """
    xp = array_namespace(u)
    square = xp.sum(u * u)
    w = xp.where(square > 0, penalty.prox(xp.matrix_transpose(R) @ u + v * square, 0.0), v)
    new = xp.where(u != 0, R @ w + u * xp.sum(v * w), u)
    new = xp.maximum(new, xp.zeros_like(new)) if positive else new
    left = R + u * xp.matrix_transpose(v) - new * xp.matrix_transpose(w)
    return new, w, left


SOLVER = Ksvd()
