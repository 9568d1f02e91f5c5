"""The dictionary update by majorise-minimise: all atoms at once, launches independent of k.

    V ← prox(V + D⁻¹(B − A V)),   D_j = Σ_i |A_ij|,   A = UᵀU, B = UᵀX

D − A is positive semidefinite by Gershgorin's theorem, so the quadratic with D in place of A lies
above the objective and touches it at V; its minimiser on the sphere is the normalised row. The
objective cannot rise, and a step is one product and a dozen launches, with no wait. (Majorisation:
Lange, Hunter and Yang 2000, https://doi.org/10.1080/10618600.2000.10474858.) Here Z = Vᵀ, and a
step is prox(Z P + C) with P = I − A D⁻¹ and C = Bᵀ D⁻¹.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.columns import ColumnPenalty
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.stopping import still


class State(NamedTuple):
    """Atoms in columns, those before; D⁻¹ (1, k), 0 for atoms that no code uses; P and C."""

    Z: Array
    previous: Array
    length: Array
    map: Array
    shift: Array


class Majorised(IterativeSolver[ColumnPenalty, State]):
    """All atoms at once, by majorise-minimise."""

    penalties = (ColumnPenalty,)
    kind = Kind.UPDATE
    max_iter = 19  # they reach where more than three sweeps do, in launches that do not grow with k

    def init(self, q: Quadratic, penalty: ColumnPenalty, Z: Array) -> State:
        """Form the majoriser."""
        assert q.gram is not None
        xp = array_namespace(Z)
        D = xp.sum(xp.abs(q.gram), axis=0, keepdims=True)
        used = float(xp.finfo(D.dtype).eps) * xp.max(q.gram) < D
        inverse = 1 / (D + float(xp.finfo(D.dtype).smallest_normal))
        length = xp.where(used, inverse, xp.zeros_like(D))
        eye = xp.eye(Z.shape[1], dtype=Z.dtype, device=Z.device)
        return State(Z, Z, length, eye - q.gram * length, q.cov * length)

    def step(self, q: Quadratic, penalty: ColumnPenalty, state: State) -> State:
        """Minimise the majoriser over the sphere."""
        Z = penalty.prox(state.Z @ state.map + state.shift, state.length)
        return state._replace(Z=Z, previous=state.Z)

    def settled(self, state: State) -> Array:
        """Whether the last step moved a feature by rounding alone."""
        return still(state.Z, state.previous)


SOLVER = Majorised()
