"""The working-set lasso: each round solves a small problem a row, and one product prices the rest.

A round, for all unfinished rows at once:

1. choose m atoms a row: its support, and those outside it that pull hardest, |corr_j|;
2. gather their (m, m) Grams and make a fixed number of FISTA steps on them;
3. polish: guess the support S = {|w + b − Gw| > alpha} and solve G_SS w_S = b_S − alpha·sign, a few
   times; take w only for the rows whose objective it lowers; late rows also walk from face to face;
4. scatter back, and form corr = cov − Z·gram once: the gap, and the next round's prices.

The idea of 1 and 4 is that of blitz and celer (Massias, Gramfort and Salmon 2018,
https://proceedings.mlr.press/v80/massias18a.html); 3 is the primal-dual active set method, a
semismooth Newton step (Hintermüller, Ito and Kunisch 2002, https://doi.org/10.1137/S1052623401383558),
exact once the signs are right. On its own it cycles, so 2 comes before it and 3 is guarded. Nothing
inside a round waits for the device; the loop reads once, after it.

How much of each a round does is its `Effort`. While all rows are there, work is dear; the few that
are left later cost no more than the launches of a round, so they get all that may end them.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from gpudict.arrays.door import (
    Array,
    array_namespace,
    bytes_each,
    few_shapes,
    pick,
    read,
    scatter,
)
from gpudict.arrays.memory import workspace
from gpudict.arrays.shapes import traced
from gpudict.objective.penalties.contract import Penalty
from gpudict.objective.penalties.l1 import L1, SumOfSizes
from gpudict.objective.penalties.weighted_l1 import WeightedL1
from gpudict.objective.quadratic import Quadratic, correlation
from gpudict.objective.small_grams import (
    of_atoms,
    small_gram_numbers,
    unit_grams,
    with_unit_atoms,
)
from gpudict.solvers.base import DENSE, SUPPORT, IterativeSolver, Kind
from gpudict.solvers.portable._small_lasso import Small, descend, fista, polish, times
from gpudict.solvers.stopping import still

COPIES = 8  # of the small Grams, at a time
IDLE = 3  # idle rounds after which a row is left


class Effort(NamedTuple):
    """What a round does.

    Attributes
    ----------
    add : atoms added to the largest support, at least
    share : and at least this share of the support
    steps : of FISTA
    solves : of a polish
    faces : to descend along
    """

    add: int
    share: float
    steps: int
    solves: int
    faces: int = 0


LATE = Effort(8, 0.25, 30, 4)
LAST = LATE._replace(faces=4)
COLD = (Effort(20, 0, 12, 0), Effort(8, 0.25, 20, 3), LATE, LATE, LAST)  # round by round
WARM = (Effort(4, 0.125, 6, 2), LATE, LATE, LAST)


class State(NamedTuple):
    """Codes and correlation; of each row its support, its lowest objective, its idle rounds, (n,).

    A round is idle that does not lower the objective beyond rounding. `support` is the largest of
    `supports` among the unfinished rows, as the host knows it; `efforts` are the plan of the
    rounds. `space` is how many numbers the small Grams may take at a time.
    """

    Z: Array
    corr: Array
    supports: Array
    lowest: Array
    idle: Array
    support: int
    efforts: tuple[Effort, ...]
    round: int
    space: int


class WorkingSet(IterativeSolver[SumOfSizes, State]):
    """Working sets of all rows at once, to the exact optimum of each."""

    penalties: ClassVar[tuple[type[Penalty], ...]] = (L1, WeightedL1)
    kind = Kind.CERTIFIED
    stands_for = ("cd",)
    fallback = "face_walk"
    weighted = True
    max_iter = 30

    def numbers_per_row(self, k: int, most: int, width: int) -> int:
        """Return the numbers of dense rows, small Grams of `most` atoms, and these atoms.

        Larger Grams are made for as many rows as this leaves space for.
        """
        return DENSE * k + COPIES * most * most + most * width

    def init(self, q: Quadratic, penalty: SumOfSizes, Z: Array) -> State:
        """Start from Z; its largest support sizes the first working set (one wait)."""
        xp = array_namespace(Z)
        supports, corr = count(Z), correlation(q, Z)
        (support,) = read(xp.max(supports))
        none = xp.zeros_like(supports)
        n, k = Z.shape
        least = n * COPIES * min(k, SUPPORT) ** 2
        space = max(least, workspace(Z) // bytes_each(Z) - n * DENSE * k)
        known = (int(support), WARM if support else COLD, 0, space)
        return State(Z, corr, supports, none, none, *known)  # the objective of 0 is 0

    def step(self, q: Quadratic, penalty: SumOfSizes, state: State) -> State:
        """Make one round."""
        xp = array_namespace(state.Z)
        n, k = state.Z.shape
        effort = _effort(state, k)
        m = min(k, few_shapes(state.Z, wished(state, effort.add, effort.share), k, 2))
        index = choose(penalty, state, m)
        unit, norm = with_unit_atoms(q)
        size = of_atoms(norm, index)
        before = pick(state.Z, index) * size
        b = pick(unit.cov, index)
        start = state.round == 0 and state.efforts is WARM  # whose objective is not known yet
        rows = max(1, state.space // small_gram_numbers(unit, m, COPIES))
        parts, solve = [], traced(_solve, b)
        for low in range(0, n, rows):
            part = slice(low, min(low + rows, n))
            G = unit_grams(unit, norm, index[part, :], part)
            t = penalty.of_rows(part).thresholds(index[part, :]) / size[part, :]
            given = (G, b[part, :], t, before[part, :])
            parts.append(solve(*given, positive=penalty.positive, effort=effort, start=start))
        u, value, noise, lowest = (
            xp.concat(p, axis=0) if len(p) > 1 else p[0] for p in zip(*parts, strict=True)
        )
        value, noise = value[:, 0], noise[:, 0]
        lowest = lowest[:, 0] if start else state.lowest
        u = xp.where((value <= lowest + noise)[:, None], u, before)
        lower = (value + noise < lowest) & ~still(u, before)
        idle = xp.where(lower, xp.zeros_like(state.idle), state.idle + 1)
        Z = scatter(index, u / size, xp.ones_like(u) > 0, k)
        lowest = xp.minimum(value, lowest)
        known = (state.support, state.efforts, state.round + 1, state.space)
        return State(Z, correlation(q, Z), count(u), lowest, idle, *known)

    def settled(self, state: State) -> Array:
        """Whether the last rounds did nothing for a row."""
        return state.idle >= IDLE

    def width(self, state: State) -> Array:
        """Return the support of each row: its largest sizes the next working set."""
        return state.supports

    def resized(self, state: State, width: int) -> State:
        """Note the largest support of the unfinished rows."""
        return state._replace(support=max(1, width))


def _effort(state: State, k: int) -> Effort:
    """Return what this round does: the last of the efforts goes on, with more steps each time."""
    effort = state.efforts[min(state.round, len(state.efforts) - 1)]
    beyond = max(0, state.round - len(state.efforts) + 1)
    if effort.add >= k:  # all atoms are in the set: a polish is not in vain, however cold the guess
        effort = effort._replace(solves=max(effort.solves, LATE.solves))
    return effort._replace(steps=effort.steps + 4 * beyond)


def _solve(
    G: Array, b: Array, t: Array, u: Array, /, *, positive: bool, effort: Effort, start: bool
) -> tuple[Array, ...]:
    """Solve each row's small problem from u.

    Return the codes, their objective and its rounding; and the objective of u, if it is a start.
    """
    small = Small.of(G, b, t, positive)
    before = small.objective(u, times(small.G, u)) if start else None
    u = fista(small, u, effort.steps)
    if effort.solves:
        u = polish(small, u, effort.solves)
    if effort.faces:
        u = descend(small, u, effort.faces)
    value = small.objective(u, times(small.G, u))
    return u, value, small.noise(u, 0.0), value if before is None else before


def wished(state: State, add: int, share: float) -> int:
    """Return how many atoms the next set has: the largest support, and some or a share more."""
    return state.support + max(add, int(share * state.support))


def count(Z: Array) -> Array:
    """Return the number of non-zeros of each row, (n,)."""
    xp = array_namespace(Z)
    return xp.sum(xp.astype(Z != 0, Z.dtype), axis=1)


def choose(penalty: SumOfSizes, state: State, m: int) -> Array:
    """Return the m atoms of each row: the support, largest first, then the strongest pulls."""
    xp = array_namespace(state.Z)
    pull = penalty.urgency(state.corr)
    size = xp.abs(state.Z)
    first = xp.where(size > 0, size + (xp.max(pull) + 1), pull)
    return xp.argsort(first, axis=1, descending=True, stable=False)[:, :m]


SOLVER = WorkingSet()
