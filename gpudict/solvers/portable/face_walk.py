"""The lasso's faces, walked through one event a step: slow, and stopped by rounding alone, or LONG.

A face is a set S of atoms with signs s; ρ = corr_S − alpha·s is how far u is off its optimum. A
step of a row goes along d, as far as the first code that would change its sign; its atom leaves:

1. on a face: d_S = G_SS⁻¹ρ, the way to the optimum of the face;
2. at the optimum of a face, with the atom j that pulls hardest beyond alpha: w = G_SS⁻¹g_Sj, and
   d_j = (ρ_j − ⟨w, ρ⟩)/δ, d_S = G_SS⁻¹ρ − w d_j, with δ the squared length of j outside the span;
3. where j is in the span: d_j = s_j, d_S = −w s_j, along which only the ℓ₁ norm changes, and falls.

Every whole step ends at the optimum of a face with a lower objective, so no face comes twice. It is
what `host.active_set` does with an inverse that it carries along; here each step solves anew, and
ρ comes from the residual, so that errors do not add up (Osborne, Presnell and Turlach 2000,
https://doi.org/10.1093/imanum/20.3.389; for alpha = 0 and u ≥ 0, Lawson and Hanson's).
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import (
    Array,
    array_namespace,
    batched_solve,
    divisor,
    few_shapes,
    pick,
    scatter,
    sign,
)
from gpudict.objective.penalties.contract import pull
from gpudict.objective.penalties.l1 import L1, SumOfSizes
from gpudict.objective.penalties.weighted_l1 import WeightedL1
from gpudict.objective.quadratic import Quadratic, correlation
from gpudict.objective.small_grams import unit_grams, with_unit_atoms
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.constants import LASSO

LONG, SHORT = 6, 60  # steps for each atom, and more: who walks longer goes round in rounding


class State(NamedTuple):
    """Codes and correlation; signs of the active atoms, 0 elsewhere; atoms that may not enter.

    Of each row (n,): whether the last step was whole, how far it then was off, and whether no step
    helps. `used` is the largest number of active atoms, `steps` how many were made.
    """

    Z: Array
    corr: Array
    signs: Array
    barred: Array
    whole: Array
    off: Array
    done: Array
    used: int
    steps: int


class Way(NamedTuple):
    """Where a row goes: from u along d on the atoms of `index` (n, m), and d_j for the entrant j.

    s are the signs of these atoms, 0 in empty places; `spanned` says that j is in their span.
    """

    index: Array
    s: Array
    u: Array
    d: Array
    j: Array
    s_j: Array
    d_j: Array
    enters: Array
    spanned: Array


class FaceWalk(IterativeSolver[SumOfSizes, State]):
    """A walk over the faces of the lasso, an atom a step."""

    penalties = (L1, WeightedL1)
    kind = Kind.CERTIFIED
    weighted = True
    check_every = 5
    max_iter = 5000

    def numbers_per_row(self, k: int, most: int, width: int) -> int:
        """Return the numbers of dense rows, Grams of `most` active atoms, and these atoms."""
        return 16 * k + 4 * most * most + most * width

    def init(self, q: Quadratic, penalty: SumOfSizes, Z: Array) -> State:
        """Start from 0, the optimum of the empty face: a set that is given may depend on itself."""
        xp = array_namespace(Z)
        zero, no = xp.zeros_like(Z), xp.zeros_like(q.sq, dtype=xp.bool)
        off = xp.full_like(q.sq, xp.inf)
        none = xp.zeros_like(Z, dtype=xp.bool)
        return State(zero, correlation(q, zero), zero, none, ~no, off, no, 1, 0)

    def step(self, q: Quadratic, penalty: SumOfSizes, state: State) -> State:
        """Go on to the next face, or the next optimum of one."""
        xp, k = array_namespace(state.Z), state.Z.shape[1]
        unit, norm = with_unit_atoms(q)
        problem = Unit(unit, penalty, penalty.thresholds() / norm, norm)
        before, noise = state.Z * norm, _noise(q, state.Z * norm)
        way = _way(problem, state._replace(Z=before, corr=state.corr / norm), noise)
        t, leaves, stuck = _stop(way)
        still = state.done[:, None] | stuck
        here = way.j == xp.arange(k, dtype=way.j.dtype, device=way.j.device)[None, :]
        come = here & way.enters & ~still
        u = way.u + t * way.d
        u = xp.where(leaves | (u * way.s <= 0), xp.zeros_like(u), u)
        s = xp.where(leaves, xp.zeros_like(u), way.s)
        kept, zero = way.s != 0, xp.zeros_like(before)
        Z = (scatter(way.index, u, kept, k) + xp.where(come, t * way.d_j, zero)) / norm
        signs = scatter(way.index, s, kept, k) + xp.where(come, way.s_j, zero)
        Z, signs = xp.where(still, state.Z, Z), xp.where(still, state.signs, signs)
        left = xp.any(leaves, axis=1) & ~still[:, 0]
        barred = (state.barred | (here & stuck)) & ~left[:, None]
        whole = (stuck | ~(xp.any(leaves, axis=1, keepdims=True) | way.spanned))[:, 0]
        corr, noise = correlation(q, Z), _noise(q, Z * norm)
        off = _off(problem, corr / norm, signs)
        waits = _strongest(problem, corr / norm, (signs != 0) | barred, noise)[1] > 0
        tried = state.whole & ~way.enters[:, 0] & (off > 0.5 * state.off)
        done = state.done | (whole & ~waits[:, 0] & ((off <= noise) | tried))
        done = xp.ones_like(done) if state.steps > LONG * k + SHORT else done | (off != off)
        return State(Z, corr, signs, barred, whole, off, done, state.used + 1, state.steps + 1)

    def settled(self, state: State) -> Array:
        """Say which rows are at an optimum, to rounding."""
        return state.done

    def width(self, state: State) -> Array:
        """Return the number of active atoms of each row."""
        xp = array_namespace(state.Z)
        return xp.sum(xp.astype(state.signs != 0, state.Z.dtype), axis=1)

    def resized(self, state: State, width: int) -> State:
        """Note the largest number of active atoms."""
        return state._replace(used=max(1, width))


class Unit(NamedTuple):
    """The problem in atoms of norm 1, each with its own alpha: t (n, k); and their norms."""

    q: Quadratic
    penalty: SumOfSizes
    t: Array
    norm: Array


def _noise(q: Quadratic, Z: Array) -> Array:
    """Return what is rounding in the correlations of atoms of norm 1, (n,)."""
    xp = array_namespace(Z)
    return 4 * float(xp.finfo(Z.dtype).eps) * (xp.sqrt(q.sq) + xp.sum(xp.abs(Z), axis=1))


def _strongest(problem: Unit, corr: Array, out: Array, noise: Array) -> tuple[Array, Array]:
    """Return the atom that pulls hardest beyond its alpha, and by how much beyond rounding."""
    xp = array_namespace(corr)
    eps = 4 * float(xp.finfo(corr.dtype).eps)
    beyond = pull(corr, problem.penalty.positive) - problem.t * (1 + eps) - noise[:, None]
    beyond = xp.where(out, xp.full_like(beyond, -xp.inf), beyond)
    j = xp.argmax(beyond, axis=1, keepdims=True)
    return j, pick(beyond, j)


def _off(problem: Unit, corr: Array, signs: Array) -> Array:
    """Return how far each row is off the optimum of its face, (n,)."""
    xp = array_namespace(corr)
    return xp.max(xp.abs(signs) * xp.abs(corr - problem.t * signs), axis=1)


def _way(problem: Unit, state: State, noise: Array) -> Way:
    """Return the way of each row, of which it may go a part."""
    q, xp, k = problem.q, array_namespace(state.Z), state.Z.shape[1]
    j, beyond = _strongest(problem, state.corr, (state.signs != 0) | state.barred, noise)
    enters = state.whole[:, None] & (beyond > 0)
    order = xp.argsort(xp.abs(state.signs), axis=1, descending=True, stable=True)
    index = order[:, : min(k, few_shapes(order, state.used, k))]
    s, u, corr = (pick(a, index) for a in (state.signs, state.Z, state.corr))
    t = xp.broadcast_to(problem.t, state.Z.shape)
    rho, inside = xp.abs(s) * corr - pick(t, index) * s, xp.abs(s)
    G = unit_grams(q, problem.norm, xp.concat([index, xp.astype(j, index.dtype)], axis=1))
    g, norm2 = G[:, :-1, -1] * inside, G[:, -1:, -1]
    eye = xp.eye(index.shape[1], dtype=s.dtype, device=s.device)[None, :, :]
    block = G[:, :-1, :-1] * (inside[:, :, None] * inside[:, None, :])
    solved = batched_solve(block + (1 - inside)[:, :, None] * eye, xp.stack([rho, g], axis=2))
    ahead, w = solved[:, :, 0], solved[:, :, 1]
    part = norm2 - xp.sum(g * w, axis=1, keepdims=True)
    floor = LASSO["float64" if xp.finfo(s.dtype).bits == 64 else "float32"].FLOOR
    spanned = enters & (part <= floor * norm2)
    pulled = pick(state.corr, j)
    s_j = sign(pulled)
    rho_j = pulled - pick(t, j) * s_j - xp.sum(w * rho, axis=1, keepdims=True)
    d_j = xp.where(spanned, s_j, rho_j / divisor(part, enters & ~spanned))
    d_j = xp.where(enters, d_j, xp.zeros_like(d_j))
    d = xp.where(spanned, xp.zeros_like(ahead), ahead) - w * d_j
    return Way(index, s, u, d, j, s_j, d_j, enters, spanned)


def _stop(way: Way) -> tuple[Array, Array, Array]:
    """Return how far each row goes, (n, 1), which atom leaves there, (n, m), and who is stuck."""
    xp = array_namespace(way.u)
    falls = way.d * way.s < 0
    zero, far = xp.zeros_like(way.u), xp.full_like(way.u, xp.inf)
    stops = xp.where(falls, xp.maximum(-way.u / divisor(way.d, falls), zero), far)
    first = xp.min(stops, axis=1, keepdims=True)
    whole = xp.where(way.spanned, xp.full_like(first, xp.inf), xp.ones_like(first))
    back = way.enters & (way.d_j * way.s_j <= 0)
    stuck = back | (way.spanned & (first == xp.inf))
    t = xp.where(stuck, xp.zeros_like(first), xp.minimum(first, whole))
    place = xp.argmin(stops, axis=1, keepdims=True)
    at = xp.arange(stops.shape[1], dtype=place.dtype, device=place.device)[None, :] == place
    return t, at & (first <= whole) & (first < xp.inf) & ~stuck, stuck


SOLVER = FaceWalk()
