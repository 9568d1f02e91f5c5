"""The lasso of rows whose entries have weights: of ½‖√w∘(x − uV)‖², each row with atoms of its own.

A row scales the atoms to √w∘v, which takes it as long as to price them all. It gathers the
strongest with their Gram, V_A diag(w) V_Aᵀ, solves the lasso over these as `lasso` does, and prices
all others again, until none pulls beyond alpha. All of it is float64, so every price is known to
rounding, and with the norms of a row's own atoms the bound is that of any lasso.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers.host.kernels.active import forget
from gpudict.solvers.host.kernels.compiling import compiled, inner
from gpudict.solvers.host.kernels.gathered import (
    MORE,
    SHARE,
    TURNS,
    admit,
    among,
    dot,
    gather,
    residual,
    tables,
)
from gpudict.solvers.host.kernels.lasso import bound, listed_of_start, rounded, settle, threshold
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.tournament import MANY, halved, top


@inner
def seen(x, w, V, own_x, own_V, norms):
    """Write √w∘x, and the atoms √w∘v with their norms; return the largest norm."""
    root, largest = np.sqrt(w), 0.0
    for f in range(x.shape[0]):
        own_x[f] = root[f] * x[f]
    for j in range(V.shape[0]):
        total = 0.0
        for f in range(x.shape[0]):
            own_V[j, f] = root[f] * V[j, f]
            total += own_V[j, f] * own_V[j, f]
        norms[j] = np.sqrt(total)
        largest = max(largest, norms[j])
    return largest


@inner
def gathered_alone(listed, count, x, V, norms, own, P, corr):
    """Gather the atoms that are listed, and no others; they are listed by their places then."""
    atoms, ceiling = listed.atoms, P.ceiling
    ceiling[:] = 0.0
    for a in range(count):
        j = atoms[a]
        gather(j, x, V, norms, own, a)
        atoms[a], corr[a], ceiling[j] = a, 0.0, -np.inf
    return count


@inner
def listed_of_own(own, A, listed, m):
    """List the atoms of the set by their numbers, with their codes."""
    atoms, places, u, codes = own.atoms, A.atoms, A.u, listed.u
    for a in range(m):
        listed.atoms[a], codes[a] = atoms[places[a]], u[a]


@inner
def priced(P, V, r, positive):
    """Price all atoms that are not gathered; return the strongest pull."""
    ceiling, pull = P.ceiling, P.pull
    for j in range(ceiling.shape[0]):
        size = dot(V[j], r) if ceiling[j] == 0.0 else 0.0
        pull[j] = max(size, 0.0 if positive else -size)
    halved(pull, P.best, MANY)
    return top(P.best, MANY)


@inner
def without(r, x, V, listed, count):
    """r = x − u V for the codes that are listed."""
    atoms, u = listed.atoms, listed.u
    r[:] = x
    for a in range(count):
        for f in range(x.shape[0]):
            r[f] -= u[a] * V[atoms[a], f]


@compiled
def solve(X, weight, V, init, sq, alphas, positive, single, limits, codes, gaps):
    """Solve the lasso of each row of X (b, d) with weights (b, d) over the atoms V (k, d).

    `sq` are ‖√w∘x‖², alphas (b,), `init` codes to start from in compressed rows. `limits` are the
    number of summands and the most rounds. Written are the codes (columns and values (b, most),
    counts (b,)), rounded to float32 if `single`, and bounds on objective − optimum, gaps (b,).
    Return the most rounds of a row.
    """
    (columns, values, counts), (terms, max_rounds) = codes, limits
    (k, d), most, m, longest = V.shape, columns.shape[1], 0, 0
    A, W, own, P, listed, r, first, space = tables(k, d, most)
    x, atoms, norms = np.empty(d), np.empty((k, d)), np.empty(k)
    for i in range(X.shape[0]):
        largest = seen(X[i], weight[i], V, x, atoms, norms)
        least = threshold(alphas[i], sq[i], largest)
        W.pull[:] = 0.0
        m, w, turn, outer, settled, ended = forget(A, m), 0, 0, 0.0, False, False
        count = listed_of_start(i, init, positive, listed, most)
        without(r, x, atoms, listed, count)
        fresh = True
        while not ended:
            if fresh:
                w = gathered_alone(listed, count, x, atoms, norms, own, P, W.corr)
            outer, before = priced(P, atoms, r, positive), w
            limited = turn == max_rounds or m == most
            fresh = outer > least and not limited and w + first > space  # all places are taken
            if fresh:
                listed_of_own(own, A, listed, m)
                count, m = m, forget(A, m)
            elif not limited:
                wanted = min(max(first if w == 0 else MORE, w // SHARE), space - w)
                w = admit(P, wanted, least, (x, r, atoms, norms), positive, own, W.corr, w)
                turn += 1
            ended = settled and not fresh and (limited or w == before)
            if not (ended or fresh):
                row, Z = among(own, W, w, sq[i], alphas[i], positive)
                turns = 0 if limited else TURNS
                m, _ = settle(row, A, Z, listed, count, least, m, (min(most, d), turns))
                residual(r, x, atoms, own, A, m)
                count, settled = 0, True
        row, Z = among(own, W, w, sq[i], alphas[i], positive)
        Z.best[0] = max(Z.best[0], least, outer)
        gaps[i] = bound(top(Z.best), row, A, Z.corr, own.norms, largest, terms, m)
        gaps[i] += rounded(row, A, Z.corr, own.norms, m) if single else 0.0
        listed_of_own(own, A, listed, m)
        counts[i] = emit(listed.atoms, A.u, m, 0, columns[i], values[i])
        longest = max(longest, turn)
    return longest
