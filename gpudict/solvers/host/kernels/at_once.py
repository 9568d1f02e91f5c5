"""Few rows in one call: their codes, and for a learner all that a batch moves.

Between calls Python takes longer than they do. What is no matter of every batch, a row that falls
short or whose squares are no usual numbers, is left to who calls, before anything is written that
is not made anew.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers.host.kernels import lasso, products, rows
from gpudict.solvers.host.kernels.compiling import compiled, inner

LEFT = -1  # what is returned in place of a number of rounds


@inner
def coded(X, sq, atoms, alpha, asked, limits, cov, codes, gaps):
    """Write the codes of X (b, d) over atoms, and their bounds; return the rounds, or LEFT.

    `asked` are whether codes are not negative, whether they are rounded to float32, and their
    tolerance; `limits` are those of `lasso` and the size of its sets, `cov` (b, k) twice, as it is
    written and as `lasso` reads it.
    """
    V, gram, norms = atoms
    (positive, single, tol), (most, bounds), (pulls, given) = asked, limits, cov
    alphas, nothing = np.full(len(X), alpha), np.zeros(len(X) + 1, np.int64)
    none = nothing, np.empty(0, np.int32), np.empty(0)
    products.products(X, V, False, pulls)
    data = given, gram, sq, norms, none, alphas, positive, single
    rounds = lasso.solve(*data, bounds, lasso.space(len(V), most), codes, gaps)
    for i in range(len(X)):
        if not gaps[i] <= 0.5 * tol * sq[i]:
            return LEFT
    return rounds


@compiled
def encode(X, atoms, alpha, asked, limits, usual, cov, Z, gaps, done):
    """Write the codes Z (b, k) of X (b, d) over atoms, (V, their Gram, their norms), and bounds.

    For the others see `coded`. `usual` is between what ‖x‖² must be. Return the rounds, and the
    largest gap in units of ½‖x‖²: then all are `done` (b,). Or LEFT, if a row falls short or none
    has a code.
    """
    b, most = len(Z), limits[0]
    sq = np.empty(b)
    products.squares(X, sq)
    for i in range(b):
        if not usual[0] < sq[i] < usual[1]:
            return LEFT, 0.0
    codes = np.zeros(b + 1, np.int64), np.empty(b * most, np.int32), np.empty(b * most)
    rounds = coded(X, sq, atoms, alpha, asked, limits, cov, codes, gaps)
    if rounds == LEFT or codes[0][b] == 0:
        return LEFT, 0.0
    Z[:], done[:] = 0.0, True
    rows.expand(*codes, Z)
    return rounds, rows.largest(gaps, sq)
