"""The lasso of one row after the other, by an active set and the inverse of its Gram.

    min over u   ½⟨u, G u⟩ − ⟨u, c⟩ + alpha‖u‖₁        q = c − G u, the correlations

On the active set S with signs s the optimum moves by d = M ρ, where M = G_SS⁻¹, ρ = q_S − alpha·s.
A round:

1. price: q over all atoms, one sweep through the rows of G in S;
2. admit the strongest of those that pull beyond alpha: M grows by a bordered row;
3. walk: u + d, or as far as the first code that would change its sign. That atom leaves, M shrinks
   by a rank-one update, and what is left of ρ scales by 1 − t; until a whole step fits.

Every walk ends at the optimum of a face with a lower objective, so no set comes twice. It is the
active-set view of the homotopy (Osborne, Presnell and Turlach 2000,
https://doi.org/10.1093/imanum/20.3.389) with many atoms entering at once; with alpha = 0 and u ≥ 0
it is Lawson and Hanson's. As ρ comes from q anew in each round, errors of M do not add up; where
they grow all the same, M is made anew.

Everything is float64 inside, whatever the data: near the optimum float32 would decide by rounding,
and the work is bound by latency, not by the width of numbers. (Numba's cache follows this file
alone: touch it after a change of another one here.)
"""

from __future__ import annotations

import numpy as np

from gpudict.kernels.active import border, compiled, forget, inner, leave, outside, price, times
from gpudict.kernels.rows import emit
from gpudict.kernels.tournament import fold, strongest, top, width_for

FIRST = 6  # atoms admitted to an empty set
STALE = 20  # times that M is made anew
EPS = float(np.finfo(np.float64).eps)
TINY = 4 * EPS  # beyond alpha, relative: a pull that is rounding
LOOSE = 1e-9  # of alpha, by which S may be off its optimum after a walk, or M is made anew
FLOOR = 1e-10  # of an atom's squared norm: with less outside the span of others it depends on them


@inner
def first_zero(u, s, d, m):
    """Return how far along d, at most 1, and the place of the code that is zero there, or −1."""
    t = 1.0
    place = -1
    for a in range(m):
        if (u[a] + d[a]) * s[a] <= 0.0:
            here = -u[a] / d[a] if d[a] != 0.0 else 0.0
            if place < 0 or here < t:
                t = here
                place = a
    return t, place


@inner
def walk(M, S, u, s, rho, d, w, m):
    """Go to the optimum of the face; return how many atoms are left in the set."""
    place = 0
    while m > 0 and place >= 0:
        times(d, M, rho, m)
        t, place = first_zero(u, s, d, m)
        for a in range(m):
            u[a] += t * d[a]
            rho[a] *= 1.0 - t
        if place >= 0:
            m = leave(place, M, S, u, s, rho, w, m)
    return m


@inner
def give_way(sign, u, s, d, w, m):
    """Move u along the dependence of an atom on S to the first zero; return its place and how far.

    Along (−w, 1) nothing changes but the ℓ₁ norm, and that falls. The place is −1 if there is none.
    """
    t = np.inf
    place = -1
    for a in range(m):
        d[a] = -sign * w[a]
        if d[a] * s[a] < 0.0 and -u[a] / d[a] < t:
            t = -u[a] / d[a]
            place = a
    if place >= 0:
        for a in range(m):
            u[a] += t * d[a]
    return place, t


@inner
def enter(entrants, codes, count, alpha, q, G, M, S, u, s, rho, d, g, w, m):
    """Let the listed atoms into the set, with a code or with 0 and the sign of their pull.

    One in the span of S changes places with the atom that its entry drives to zero first.
    """
    e = 0
    while e < count:
        j, code = entrants[e], codes[e]
        sign = 1.0 if (code if code != 0.0 else q[j]) > 0.0 else -1.0
        rest = outside(j, G, M, S, g, w, m)
        e += 1
        if rest > FLOOR * G[j, j]:
            border(j, M, S, w, rest, m)
            u[m], s[m], rho[m] = code, sign, q[j] - alpha * sign
            m += 1
            continue
        place, t = give_way(sign, u, s, d, w, m)
        if place >= 0:  # and try again
            m = leave(place, M, S, u, s, rho, w, m)
            codes[e - 1] += sign * t
            e -= 1
    return m


@inner
def slopes(rho, q, S, s, alpha, m):
    """ρ = q_S − alpha·s; return its largest entry."""
    off = 0.0
    for a in range(m):
        rho[a] = q[S[a]] - alpha * s[a]
        off = max(off, abs(rho[a]))
    return off


@inner
def listed(i, start, positive, entrants, codes, most):
    """List the atoms of row i of the start, at most `most`, and their codes; return their number.

    Left out is what is not feasible.
    """
    (ends, columns, values), count = start, 0
    for p in range(ends[i], ends[i + 1]):
        if count < most and (values[p] > 0.0 or not positive):
            entrants[count], codes[count] = columns[p], values[p]
            count += 1
    return count


@inner
def slopes_of_start(rho, C, i, G, S, u, s, alpha, m):
    """ρ = c_S − G_SS u − alpha·s, for codes that are not priced yet."""
    for a in range(m):
        pull = C[i, S[a]] - alpha * s[a]
        for b in range(m):
            pull -= u[b] * G[S[a], S[b]]
        rho[a] = pull


@inner
def choose(pull, best, least, entrants, codes, wanted):
    """List the `wanted` strongest of the atoms that pull beyond `least`; return their number."""
    count = 0
    while count < wanted:
        j = strongest(pull, best, least)
        if j < 0:
            break
        entrants[count], codes[count] = j, 0.0
        count += 1
    return count


@inner
def bound(q, C, i, sq, alpha, positive, best, S, u, largest, norms, terms, m):
    """Return the duality gap of the row, ½(1 − s)²‖r‖² + alpha‖u‖₁ − s⟨u, q⟩, and its ‖r‖².

    Rounding is in both: each correlation is known to ν‖v‖, ν = terms·eps·(‖x‖ + Σ|u|‖v‖), by the
    standard bound on sums of products; `terms` is the number of summands.
    """
    pull, size, uc, uq, mass = top(best), 0.0, 0.0, 0.0, 0.0
    for a in range(m):
        pull = max(pull, q[S[a]] if positive else abs(q[S[a]]))
        size += abs(u[a])
        mass += abs(u[a]) * norms[S[a]]
        uc += u[a] * C[i, S[a]]
        uq += u[a] * q[S[a]]
    noise = (terms + m) * EPS * (np.sqrt(sq) + mass)
    rest = max(sq - uc - uq, 0.0) + 2.0 * noise * (np.sqrt(sq) + mass)
    pull += noise * largest
    scale = alpha / pull if pull > alpha else 1.0
    gap = 0.5 * (1.0 - scale) ** 2 * rest + max(alpha * size - scale * uq, 0.0) + noise * mass
    return gap, rest


@inner
def rounded(u, q, alpha, s, S, norms, m):
    """Round the codes to float32; return by how much that can raise the objective."""
    moved = raised = 0.0
    for a in range(m):
        single = float(np.float32(u[a]))
        change = abs(single - u[a])
        raised += change * abs(q[S[a]] - alpha * s[a])
        moved += change * norms[S[a]]
        u[a] = single
    return raised + 0.5 * moved * moved


@compiled
def solve(
    C, G, sq, norms, start, alphas, positive, single, terms, most, rounds, codes, gaps, rest, turns
):
    """Solve the lasso of each row of C (b, k) with the Gram G (k, k), sq = ‖x‖² and alphas (b,).

    `start` are the codes to start from, in compressed rows (ends, columns, values). At most `most`
    atoms are in a set. Written are the codes, likewise, rounded to float32 if `single`, the bounds
    on objective − optimum, gaps (b,), the squared errors, rest (b,), and the rounds, turns (b,).
    """
    room, width = most + 8, width_for(C.shape[1])
    M = np.zeros((room, room))
    S, entrants = np.zeros(room, np.int64), np.zeros(room, np.int64)
    u, s, rho, d, g, w, given = np.zeros((7, room))
    q, pull, best = np.zeros(C.shape[1]), np.zeros(width), np.zeros(width // 2)
    (ends, columns, values), largest, m = codes, norms.max(), 0
    ends[0] = 0
    for i in range(C.shape[0]):
        m, alpha = forget(M, S, u, s, rho, m), alphas[i]
        least = alpha + TINY * max(alpha, np.sqrt(sq[i]) * largest)
        count = listed(i, start, positive, entrants, given, most)
        turn, stale, before = 0, 0, np.inf
        anew = count > 0
        while True:
            m = enter(entrants, given, count, alpha, q, G, M, S, u, s, rho, d, g, w, m)
            if anew:
                slopes_of_start(rho, C, i, G, S, u, s, alpha, m)
            m = walk(M, S, u, s, rho, d, w, m) if rounds > 0 else m
            price(q, C, i, G, S, u, m)
            fold(pull, best, q, S, m, positive)
            off = slopes(rho, q, S, s, alpha, m)
            if turn == rounds:
                break
            turn += 1
            anew = not anew and off > LOOSE * least and stale < STALE
            if anew:
                stale, count = stale + 1, m
                for a in range(m):
                    entrants[a], given[a] = S[a], u[a]
                m = forget(M, S, u, s, rho, m)
                continue
            wanted = min(FIRST if m == 0 else max(4, m // 3), most - m)
            count = choose(pull, best, least, entrants, given, wanted)
            if count == 0 and (off <= least - alpha or off > 0.5 * before):
                break
            before = off if count == 0 else np.inf
        turns[i] = turn
        gaps[i], rest[i] = bound(
            q, C, i, sq[i], alpha, positive, best, S, u, largest, norms, terms, m
        )
        gaps[i] += rounded(u, q, alpha, s, S, norms, m) if single else 0.0
        ends[i + 1] = emit(S, u, m, ends[i], columns, values)
