"""Few rows in one call: their codes, and for a learner all that a batch moves.

Between calls Python takes longer than they do. What is no matter of every batch, a row that falls
short or whose squares are no usual numbers, is left to who calls, before anything is written that
is not made anew.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels import lasso, memory, products, rows, sweep
from gpudict.solvers.host.kernels.compiling import compiled_with, inner

FAINT = constants.FAINT
LEFT = -1  # what is returned in place of a number of rounds
CODED = (products.squares, products.products, lasso.solve)


@inner
def coded(X, sq, atoms, alpha, asked, limits, out):
    """Write the codes of X (b, d) over atoms, and what is told of them: their bounds, all done.

    Return the rounds, or LEFT.

    `asked` are whether codes are not negative, whether they are rounded to float32, and their
    tolerance; `limits` are those of `lasso` and the size of its sets. `out` are products (b, k),
    twice, as they are written and as `lasso` reads them; the codes, in compressed rows; and told.
    """
    V, gram, norms = atoms
    (positive, single, tol), (most, bounds) = asked, limits
    (pulls, given), codes, (gaps, done) = out
    alphas, nothing = np.full(len(X), alpha), np.zeros(len(X) + 1, np.int64)
    none = nothing, np.empty(0, np.int32), np.empty(0)
    products.products(X, V, False, pulls)
    data = given, gram, sq, norms, none, alphas, positive, single
    rounds = lasso.solve(*data, bounds, lasso.space(len(V), most), codes, gaps)
    for i in range(len(X)):
        if not gaps[i] <= 0.5 * tol * sq[i]:
            return LEFT
        done[i] = True
    return rounds


@compiled_with(*CODED, rows.expand, rows.largest)
def encode(X, atoms, alpha, asked, limits, usual, cov, Z, told):
    """Write the codes Z (b, k) of X (b, d) over atoms, (V, their Gram, their norms), and bounds.

    For the others see `coded`. `usual` is between what ‖x‖² must be. Return the rounds, and the
    largest gap in units of ½‖x‖². Or LEFT, if a row falls short or none has a code.
    """
    b, most = len(Z), limits[0]
    sq = np.empty(b)
    products.squares(X, sq)
    for i in range(b):
        if not usual[0] < sq[i] < usual[1]:
            return LEFT, 0.0
    codes = np.zeros(b + 1, np.int64), np.empty(b * most, np.int32), np.empty(b * most)
    rounds = coded(X, sq, atoms, alpha, asked, limits, (cov, codes, told))
    if rounds == LEFT or codes[0][b] == 0:
        return LEFT, 0.0
    Z[:] = 0.0
    rows.expand(*codes, Z)
    return rounds, rows.largest(told[0], sq)


@inner
def faint(X, sq):
    """Whether the square of a row vanishes, or nearly, and the row does not."""
    for i in range(X.shape[0]):
        if sq[i] < FAINT:
            for f in range(X.shape[1]):
                if X[i, f] != 0.0:
                    return True
    return False


@inner
def turned(recent, atoms, moving, single):
    """Sweep over the atoms, and renew their Gram and their norms; return ‖V − V₋‖_F."""
    (before, _, norms), (V, same, gram, positive, sweeps), square = atoms, moving, 0.0
    for _ in range(sweeps):
        sweep.update(recent.A, recent.B, V, positive, single)
    for j in range(V.shape[0]):
        for f in range(V.shape[1]):
            square += (V[j, f] - before[j, f]) ** 2
    products.products(same, same, True, gram)
    rows.mirror(gram)
    for j in range(norms.shape[0]):
        norms[j] = np.sqrt(max(gram[j, j], 0.0))
    return np.sqrt(square)


@compiled_with(*CODED, memory.fold, sweep.update, rows.mirror)
def step(X, weight, atoms, alpha, asked, limits, cov, codes, told, memories, least, moving):
    """Code a batch X (b, d), add it to both memories, and let the atoms move if it is their turn.

    Atoms, codes in compressed rows, and what else comes before the memories are as in `coded`;
    `least` and what is written into memories are those of `memory.fold`. `moving` are the atoms'
    next place, twice, as it is written and as it is read; their Gram, to write into; whether they
    are not negative; and how many sweeps they move. Return the rounds, or LEFT: then no memory has
    changed. And how far the atoms moved, and what `fold` tells.
    """
    recent, long = memories
    sq = np.empty(len(X))
    products.squares(X, sq)
    rounds = coded(X, sq, atoms, alpha, asked, limits, (cov, codes, told))
    if rounds == LEFT or faint(X, sq):
        return LEFT, 0.0, (0.0, 0.0, 0.0, 0.0, 0)
    summary = memory.fold(recent, long, X, weight, codes, told[0], atoms[0], alpha, least)
    change = turned(recent, atoms, moving, asked[1]) if moving[4] > 0 else 0.0
    return rounds, change, summary
