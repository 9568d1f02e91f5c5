"""Many small problems, each with atoms of its own: codes of all, or a dictionary, in one call.

It is `lasso`, the statistics of `rows` and the sweep, in turn, without what calls cost. What is no
matter of every problem (an atom without a use, a row that falls short) is left to who calls.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers.host.kernels import lasso, products, rows, sweep
from gpudict.solvers.host.kernels.compiling import compiled_with, inner

LEFT = -1  # what is returned in place of a number of iterations
CODED = (products.products, lasso.solve)
UPDATED = (rows.add_statistics, rows.mirror, sweep.update)


@inner
def copied(V, out):
    """Copy V (k, d)."""
    for j in range(V.shape[0]):
        for f in range(V.shape[1]):
            out[j, f] = V[j, f]


@inner
def lengths(V, norms):
    """Write ‖v‖ of each atom."""
    for j in range(V.shape[0]):
        total = 0.0
        for f in range(V.shape[1]):
            total += V[j, f] * V[j, f]
        norms[j] = np.sqrt(total)


@inner
def largest(gaps, sq, tol):
    """Return the largest gap in units of ½‖x‖², or −1 if a row is not within the tolerance."""
    top = 0.0
    for i in range(gaps.shape[0]):
        if not gaps[i] <= 0.5 * tol * sq[i]:
            return -1.0
        top = max(top, 2.0 * gaps[i] / sq[i] if sq[i] > 0.0 else 0.0)
    return top


@inner
def cost(codes, alphas, error):
    """Return Σ ½‖x − uV‖² + alpha‖u‖₁, of squared errors (n,)."""
    ends, _, values = codes
    total = 0.0
    for i in range(error.shape[0]):
        size = 0.0
        for p in range(ends[i], ends[i + 1]):
            size += abs(values[p])
        total += 0.5 * error[i] + alphas[i] * size
    return total


@inner
def coded(X, V, sq, alphas, asked, limits, work, gaps):
    """Write the codes of X (n, d), and their bounds, of a lasso that starts from none.

    `asked` are whether codes are not negative, and whether they are rounded to float32.
    `work` are products of the atoms and of rows with them, (k, k) and (n, k), each twice, as they
    are written and as `lasso` reads them; norms (k,); its space; and compressed rows: to write
    codes into, and empty ones.
    """
    (G, gram), (cov, products_of_rows), norms, space, (codes, nothing) = work
    products.products(V, V, False, G)
    products.products(X, V, False, cov)
    lengths(V, norms)
    space[0][:] = 0.0  # of the last row there are sets in it
    data = products_of_rows, gram, sq, norms
    lasso.solve(*data, nothing, alphas, *asked, limits, space, codes, gaps)


@compiled_with(*CODED, rows.expand)
def encode(X, V, sq, alphas, positive, single, limits, work, Z, gaps):
    """Write the codes Z (b, n, k) of each X (b, n, d) over each V (b, k, d), and the bounds (b, n).

    `sq` are ‖x‖², and alphas of the rows, (b, n); `work` is that of `coded`.
    """
    for p in range(len(X)):
        coded(X[p], V[p], sq[p], alphas[p], (positive, single), limits, work, gaps[p])
        rows.expand(*work[4][0], Z[p])


@compiled_with(*CODED, *UPDATED, rows.expand, rows.squared_errors)
def learn(X, sq, V, alphas, asked, limits, work, best, told):
    """Learn the dictionary of X (n, d) from the atoms V (k, d), with the lasso of alphas (n,).

    `asked` are whether codes, and atoms, are not negative, whether what is found is rounded to
    float32, the tolerances of codes and of the objective, and what an atom's uses add up to at
    least; `limits` are those of `lasso`, and `work` is that of `coded`. Written are the best atoms,
    the codes (n, k) that they were made of, and the codes' bounds (n,); and the objective and the
    largest relative gap of each iteration, told (2, most). V is not kept. Codes start from none: of
    small sets that is as quick as any.
    Return the iterations, or LEFT: an atom has no use, or a row falls short.
    """
    positive, positive_atoms, single, code_tol, tol, least = asked
    codes, (atoms, Z, gap) = work[4][0], best
    (n, d), k = X.shape, len(V)
    A, B, weight, square = np.empty((k, k)), np.empty((k, d)), np.ones(n), np.empty(d)
    error, gaps = np.empty(n), np.empty(n)
    lowest = before = np.inf
    for turn in range(told.shape[1]):
        coded(X, V, sq, alphas, (positive, single), limits, work, gaps)
        top = largest(gaps, sq, code_tol)
        if top < 0.0:
            return LEFT
        A[:], B[:] = 0.0, 0.0
        rows.add_statistics(*codes, X, weight, A, B, square)
        rows.mirror(A)
        for j in range(k):
            if A[j, j] <= least:
                return LEFT
        sweep.update(A, B, V, positive_atoms, single)
        rows.squared_errors(*codes, X, V, error)
        now = cost(codes, alphas, error)
        told[0, turn], told[1, turn] = now, top
        if not now > lowest:
            lowest = now
            copied(V, atoms)
            Z[:] = 0.0
            rows.expand(*codes, Z)
            gap[:] = gaps
        if turn > 0 and before - now < tol * now:
            return turn + 1
        before = now
    return told.shape[1]
