"""The lasso of one row after the other, by an active set and the inverse of its Gram.

    min over u   ½⟨u, G u⟩ − ⟨u, c⟩ + alpha‖u‖₁        corr = c − G u

On the active set S with signs s the optimum moves by d = M ρ, where M = G_SS⁻¹ and
ρ = corr_S − alpha·s. A round:

1. price: corr of all atoms, one sweep through the rows of G in S;
2. admit the strongest of those that pull beyond alpha: M grows by a bordered row;
3. walk: u + d, or as far as the first code that would change its sign. That atom leaves, M shrinks
   by a rank-one update, and what is left of ρ scales by 1 − t; until a whole step fits.

While the set is small one atom enters at a time, which is `march`; later as many as the set is
likely to keep, as most of those that entered too early must leave again.

Every walk ends at the optimum of a face with a lower objective, so no set comes twice. It is the
active-set view of the homotopy (Osborne, Presnell and Turlach 2000,
https://doi.org/10.1093/imanum/20.3.389) with many atoms entering at once; with alpha = 0 and u ≥ 0
it is Lawson and Hanson's. As ρ comes from corr anew in each round, errors of M do not add up; where
they grow all the same, M is made anew.

Everything is float64 inside, whatever the data: near the optimum float32 would decide by rounding,
and the work is bound by latency, not by the width of numbers.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.active import Active, Row, Work, forget, price
from gpudict.solvers.host.kernels.compiling import compiled_in_place, either, inner
from gpudict.solvers.host.kernels.faces import Entrants, enter, slopes, slopes_of_start, walk
from gpudict.solvers.host.kernels.march import bits_of, march
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.tournament import LANES, fold, strongest, top

EPS = constants.EPS["float64"]
FIRST, MORE, SHARE, STALE, TINY, LOOSE, _ = constants.LASSO["float64"]
FEW = 2  # admitted later at least: half as many again as stayed of those before
LEFT = 8  # roundings, that the set may be off its optimum after atoms came one by one


@inner
def listed_of_start(i, init, positive, listed, most):
    """List the atoms of row i of the codes to start from, at most `most`; return their number.

    Left out is what is not feasible.
    """
    ends, columns, values = init
    entrants, codes, count = listed.atoms, listed.u, 0
    for p in range(ends[i], ends[i + 1]):
        if count < most and (values[p] > 0.0 or not positive):
            entrants[count], codes[count] = columns[p], values[p]
            count += 1
    return count


@inner
def listed_of_set(A, listed, m):
    """List the atoms of the set; return their number."""
    for a in range(m):
        listed.atoms[a], listed.u[a] = A.atoms[a], A.u[a]
    return m


@inner
def choose(W, least, listed, wanted):
    """List the `wanted` strongest of the atoms that pull beyond `least`; return their number."""
    entrants, codes, pull, best = listed.atoms, listed.u, W.pull, W.best
    count = 0
    while count < wanted:
        j = strongest(pull, best, least)
        if j < 0:
            break
        entrants[count], codes[count] = j, 0.0
        count += 1
    return count


@inner
def bound(pull, row, A, corr, norms, largest, terms, m):
    """Return the duality gap of the row, ½(1 − s)²‖r‖² + alpha‖u‖₁ − s⟨u, corr⟩.

    `pull` is that of the strongest atom that is not in the set.

    Rounding is in it: each correlation is known to ν‖v‖, ν = terms·eps·(‖x‖ + Σ|u|‖v‖), by the
    standard bound on sums of products; `terms` is the number of summands.
    """
    atoms, u, c, alpha = A.atoms, A.u, row.c, row.alpha
    size = uc = uq = mass = 0.0
    for a in range(m):
        pull = max(pull, corr[atoms[a]] if row.positive else abs(corr[atoms[a]]))
        size += abs(u[a])
        mass += abs(u[a]) * norms[atoms[a]]
        uc += u[a] * c[atoms[a]]
        uq += u[a] * corr[atoms[a]]
    noise = (terms + m) * EPS * (np.sqrt(row.sq) + mass)
    error = max(row.sq - uc - uq, 0.0) + 2.0 * noise * (np.sqrt(row.sq) + mass)
    pull += noise * largest
    scale = alpha / pull if pull > alpha else 1.0
    return 0.5 * (1.0 - scale) ** 2 * error + max(alpha * size - scale * uq, 0.0) + noise * mass


@inner
def rounded(row, A, corr, norms, m):
    """Round the codes to float32; return by how much that can raise the objective."""
    atoms, u, s = A.atoms, A.u, A.s
    moved = raised = 0.0
    for a in range(m):
        single = float(np.float32(u[a]))
        change = abs(single - u[a])
        raised += change * abs(corr[atoms[a]] - row.alpha * s[a])
        moved += change * norms[atoms[a]]
        u[a] = single
    return raised + 0.5 * moved * moved


@inner
def settle(row, A, W, listed, count, least, m, limits):
    """Solve the row from its set of m atoms and the `count` that are listed to enter it.

    `limits` are the atoms that can be independent, and the most rounds.
    Return the size of the set at the optimum, or where the rounds ended, and the rounds.
    """
    corr, pull, best, (rank, max_rounds) = W.corr, W.pull, W.best, limits
    most = A.u.shape[0] - 8
    turn, stale, before = 0, 0, np.inf
    anew, kept = count > 0, most
    while True:
        size = m
        m = enter(listed, count, row, A, W, m)
        if anew:
            slopes_of_start(row, A, m)
        m = walk(A, W, m) if max_rounds > 0 else m
        price(corr, row, A, m)
        fold(pull, best, corr, row.positive, A.atoms, m)
        off = slopes(row, A, corr, m)
        if turn == max_rounds:
            break
        turn += 1
        kept = m - size if count > 0 and not anew else kept
        anew = not anew and off > LOOSE * least and stale < STALE
        if anew:
            stale, count = stale + 1, listed_of_set(A, listed, m)
            m = forget(A, m)
            continue
        wanted = FIRST if m == 0 else min(max(MORE, m // SHARE), max(FEW, kept + kept // 2))
        wanted = min(wanted, max(rank - m, 1), most - m)
        count = choose(W, least, listed, wanted)
        if count == 0 and (off <= least - row.alpha or off > 0.5 * before):
            break
        before = off if count == 0 else np.inf
    return m, turn


@inner
def threshold(alpha, sq, largest):
    """Return the pull beyond which an atom enters: alpha, and what is rounding."""
    return alpha + TINY * max(alpha, np.sqrt(sq) * largest)


@either
def space(k: int, most: int) -> tuple[np.ndarray, ...]:
    """Return what `solve` works in, for k atoms and sets of `most`: few arrays to hand over."""
    side, wide = most + 8, 2 * LANES
    while wide < k:
        wide *= 2
    sets, numbers = np.zeros((side + 7, side)), np.zeros((2, side), np.int64)
    return sets, numbers, np.zeros(k + wide + wide // 2), np.zeros(k, np.int64)


@inner
def named(places):
    """Return the parts of the space."""
    sets, numbers, wide, free = places
    side, k = sets.shape[1], free.shape[0]
    end = k + 2 * (wide.shape[0] - k) // 3
    A = Active(sets[:side], numbers[0], sets[side], sets[side + 1], sets[side + 2])
    d, g, w = sets[side + 3], sets[side + 4], sets[side + 5]
    W = Work(wide[:k], free, wide[k:end], wide[end:], d, g, w)
    return A, W, Entrants(numbers[1], sets[side + 6])


@compiled_in_place
def solve(cov, G, sq, norms, init, alphas, positive, single, limits, places, codes, gaps):
    """Solve the lasso of each row of cov (b, k) with the Gram G (k, k), sq = ‖x‖² and alphas (b,).

    `init` are the codes to start from, in compressed rows (ends, columns, values). `limits` are the
    number of summands, the rank of the atoms, at most, and the most rounds; `places` are from
    `space`. Written are the codes, likewise, rounded to float32 if `single`, and the bounds on
    objective − optimum, gaps (b,). Return the most rounds of a row.
    """
    A, W, listed = named(places)
    (ends, columns, values), (terms, rank, max_rounds) = codes, limits
    most, bits, free = A.u.shape[0] - 8, bits_of(cov.shape[1], positive), W.free
    largest, m, longest = 0.0, 0, 0
    for j in range(cov.shape[1]):
        free[j], largest = bits[1], max(largest, norms[j])
    ends[0] = 0
    for i in range(cov.shape[0]):
        row = Row(G, cov[i], sq[i], alphas[i], positive)
        m = forget(A, m)
        count = listed_of_start(i, init, positive, listed, most)
        least = threshold(row.alpha, row.sq, largest)
        m, rounds, pull, ended = march(row, A, W, bits, least, 0 if count else max_rounds)
        off = slopes(row, A, W.corr, m)
        if count or not ended or (off > LEFT * (least - row.alpha) and rounds < max_rounds):
            left = rank, max_rounds - rounds
            m, more = settle(row, A, W, listed, count, least, m, left)
            rounds, pull = rounds + more, top(W.best)
        longest = max(longest, rounds)
        gaps[i] = bound(pull, row, A, W.corr, norms, largest, terms, m)
        gaps[i] += rounded(row, A, W.corr, norms, m) if single else 0.0
        ends[i + 1] = emit(A.atoms, A.u, m, ends[i], columns, values)
    return longest
