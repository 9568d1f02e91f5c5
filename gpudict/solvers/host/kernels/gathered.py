"""The lasso of rows over many atoms, of which no Gram is formed: a small one of those that matter.

A block of rows is priced by a matrix product, C = R Vᵀ, of residuals and atoms scaled to norm 1.
With float32 that is enough, as C serves for a bound of each pull alone:

    |⟨r, v⟩| ≤ (|C| + reach)·‖r‖‖v‖        reach: what the product may round

A row gathers its strongest atoms, their Gram and their ⟨x, v⟩ in float64, and solves the lasso
over these as `lasso` does. Then its residual has moved by δ, and no pull by more than δ‖v‖: so only
atoms are looked at whose bound and δ‖v‖ are beyond alpha together. If there are few, the row prices
them in float64 and goes on to its optimum by itself; else it waits for the next product. So all
that a certificate rests on is a bound, or known to float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers.host.kernels.active import Row, Work, active, forget, work
from gpudict.solvers.host.kernels.compiling import compiled, inner
from gpudict.solvers.host.kernels.faces import Entrants
from gpudict.solvers.host.kernels.lasso import bound, listed_of_start, rounded, settle, threshold
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.tournament import MANY, halved, strongest, top, width_for

FIRST = 3  # √k over it are gathered first: then their Gram costs less than the product
MORE, SHARE = 8, 3  # and later so many, or their number over SHARE
NEAR = 16  # of k over it a row prices by itself: more would take it as long as the product
TURNS = 300  # rounds among the gathered atoms


class Gathered(NamedTuple):
    """The w atoms of a row: their numbers, norms and ⟨x, v⟩, (w,), and their Gram (w, w)."""

    atoms: np.ndarray
    norms: np.ndarray
    c: np.ndarray
    G: np.ndarray


class Prices(NamedTuple):
    """Of all k atoms: bounds of their pulls, −inf if gathered, a tournament, and a list of some."""

    ceiling: np.ndarray
    pull: np.ndarray
    best: np.ndarray
    near: np.ndarray


@inner
def dot(x, y):
    """Return ⟨x, y⟩."""
    total = 0.0
    for f in range(x.shape[0]):
        total += x[f] * y[f]
    return total


@inner
def gather(j, x, V, norms, own, w):
    """Let atom j be the one in place w; four of the others at a time, for their speed."""
    atoms, G, v = own.atoms, own.G, V[j]
    atoms[w], own.norms[w], own.c[w] = j, norms[j], dot(v, x)
    for q in range(0, w + 1, 4):
        v0, v1, v2, v3 = V[atoms[q]], V[atoms[q + 1]], V[atoms[q + 2]], V[atoms[q + 3]]
        g0 = g1 = g2 = g3 = 0.0
        for f in range(v.shape[0]):
            g0 += v[f] * v0[f]
            g1 += v[f] * v1[f]
            g2 += v[f] * v2[f]
            g3 += v[f] * v3[f]
        G[w, q], G[w, q + 1], G[w, q + 2], G[w, q + 3] = g0, g1, g2, g3
    for q in range(w):
        G[q, w] = G[w, q]


@inner
def priced(P, prices, norms, length, reach, positive):
    """Read the bounds of all pulls from a row of the product, with `length` the norm of r."""
    ceiling, pull = P.ceiling, P.pull
    for j in range(ceiling.shape[0]):
        size = max(prices[j], 0.0 if positive else -prices[j])
        ceiling[j] = (size + reach) * norms[j] * length
        pull[j] = ceiling[j]


@inner
def nearby(P, norms, moved, least):
    """List the atoms that may pull beyond `least` now that r has moved; return their number."""
    ceiling, near, count = P.ceiling, P.near, 0
    for j in range(ceiling.shape[0]):
        if ceiling[j] + moved * norms[j] > least:
            near[count] = j
            count += 1
    return count


@inner
def looked_at(P, count, V, r, positive):
    """Price the atoms that are listed, in float64, and no other."""
    pull, near = P.pull, P.near
    for j in range(pull.shape[0]):
        pull[j] = 0.0
    for p in range(count):
        size = dot(V[near[p]], r)
        pull[near[p]] = max(size, 0.0 if positive else -size)


@inner
def admit(P, wanted, least, data, positive, own, corr, w):
    """Gather the strongest atoms that pull beyond `least`; return how many there are then."""
    (x, r, V, norms), goal = data, w + wanted
    ceiling, pull, best = P.ceiling, P.pull, P.best
    while w < goal:
        j = strongest(pull, best, least, MANY)
        if j < 0:
            break
        size = dot(V[j], r)
        if max(size, 0.0 if positive else -size) > least:
            gather(j, x, V, norms, own, w)
            ceiling[j], corr[w] = -np.inf, size
            w += 1
    return w


@inner
def residual(r, x, V, own, A, m):
    """r = x − u V; return nothing."""
    atoms, places, u = own.atoms, A.atoms, A.u
    for f in range(x.shape[0]):
        r[f] = x[f]
    for a in range(m):
        j = atoms[places[a]]
        for f in range(x.shape[0]):
            r[f] -= u[a] * V[j, f]


@inner
def distance(r, s):
    """Return ‖r − s‖."""
    total = 0.0
    for f in range(r.shape[0]):
        total += (r[f] - s[f]) ** 2
    return np.sqrt(total)


@compiled
def begin(init, X, V, positive, most, columns, values, counts, R):
    """Write the codes to start from, at most `most` a row, and R = X − U V."""
    listed = Entrants(np.zeros(most + 8, np.int64), np.zeros(most + 8))
    atoms, u = listed
    for i in range(X.shape[0]):
        counts[i] = listed_of_start(i, init, positive, listed, most)
        R[i] = X[i]
        for a in range(counts[i]):
            columns[i, a], values[i, a] = atoms[a], u[a]
            for f in range(X.shape[1]):
                R[i, f] -= u[a] * V[atoms[a], f]


@inner
def gathered_of_start(i, data, codes, own, P, listed, corr, r):
    """Gather the atoms of the codes of row i, list them to enter and copy its residual."""
    X, V, norms, R = data
    columns, values, counts = codes
    atoms, u, ceiling, pull = listed.atoms, listed.u, P.ceiling, P.pull
    for a in range(counts[i]):
        j = columns[i, a]
        gather(j, X[i], V, norms, own, a)
        atoms[a], u[a], corr[a] = a, values[i, a], 0.0
        ceiling[j], pull[j] = -np.inf, 0.0
    for f in range(r.shape[0]):
        r[f] = R[i, f]
    return counts[i]


@inner
def tables(k, d, most):
    """Return a set and what is kept from row to row, for k atoms of d features."""
    first = 1 + int(np.sqrt(k)) // FIRST
    space = most + 2 * first
    numbers = np.zeros((2, space + 8), np.int64)
    norms, c, u = np.zeros((3, space + 8))
    own = Gathered(numbers[0], norms, c, np.empty((space + 8, space + 8)))
    wide = width_for(k, MANY)
    P = Prices(np.empty(k), np.zeros(wide), np.zeros(wide // 2), np.empty(k, np.int64))
    W = work(space, width_for(space), most)
    return active(most), W, own, P, Entrants(numbers[1], u), np.empty(d), first, space


@inner
def among(own, W, w, sq, alpha, positive):
    """Return the row over its w gathered atoms, and the vectors for it."""
    row = Row(own.G, own.c[:w], sq, alpha, positive)
    return row, Work(W.corr[:w], W.free, W.pull, W.best, W.d, W.g, W.w)


@compiled
def advance(some, C, reach, data, sq, alphas, positive, single, limits, codes, gaps, rounds, done):
    """Advance the rows `some`, of which C (len(some), k) are the products, each as far as it goes.

    `data` are X (b, d), V (k, d), norms (k,) and R (b, d), the residuals of the codes, which are
    columns and values (b, most) and counts (b,). `limits` are the number of summands and the most
    rounds. Rows at their end are `done`: their codes are rounded to float32 if `single`, and their
    gaps are bounds on objective − optimum.
    """
    (X, V, norms, R), (columns, values, counts), (terms, max_rounds) = data, codes, limits
    k, most, largest, m = len(norms), columns.shape[1], norms.max(), 0
    A, W, own, P, listed, r, first, space = tables(k, X.shape[1], most)
    for p in range(len(some)):
        i = some[p]
        W.pull[:] = 0.0
        least = threshold(alphas[i], sq[i], largest)
        priced(P, C[p], norms, np.sqrt(dot(R[i], R[i])), reach, positive)
        m = forget(A, m)
        count = w = gathered_of_start(i, data, codes, own, P, listed, W.corr, r)
        settled = waiting = ended = limited = False
        while not (ended or waiting):
            halved(P.pull, P.best, MANY)
            outer, before = top(P.best, MANY), w
            limited = rounds[i] == max_rounds or m == most
            if not limited:
                wanted = min(max(first if w == 0 else MORE, w // SHARE), space - w)
                w = admit(P, wanted, least, (X[i], r, V, norms), positive, own, W.corr, w)
            ended = limited or (settled and w == before)
            if not (ended and settled):
                row, Z = among(own, W, w, sq[i], alphas[i], positive)
                turns = 0 if limited else TURNS
                m, _ = settle(row, A, Z, listed, count, least, m, (min(most, len(r)), turns))
                residual(r, X[i], V, own, A, m)
                outer += distance(r, R[i]) * largest  # codes that depend on others have moved
                count, settled = 0, True
            if not ended:
                rounds[i] += 1
                number = nearby(P, norms, distance(r, R[i]), least)
                waiting = w > before and (number > k // NEAR or w + first > space)
                looked_at(P, 0 if waiting else number, V, r, positive)
        if ended:
            row, Z = among(own, W, w, sq[i], alphas[i], positive)
            Z.best[0] = max(Z.best[0], least, outer if limited else least)
            gaps[i] = bound(top(Z.best), row, A, Z.corr, own.norms, largest, terms, m)
            gaps[i] += rounded(row, A, Z.corr, own.norms, m) if single else 0.0
        for a in range(m):
            listed.atoms[a] = own.atoms[A.atoms[a]]
        counts[i] = emit(listed.atoms, A.u, m, 0, columns[i], values[i])
        R[i], done[i] = r, ended
