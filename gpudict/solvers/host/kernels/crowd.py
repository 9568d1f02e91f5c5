"""Pursuits of a block of rows over many atoms, of which no Gram is formed.

What `bounds` does for a row over few atoms, with one matrix product a step for all rows of a block:
P = E Vᵀ in float32, where E has for each row the unit vector that its last atom has added to the
span; or its residual, where ⟨v, r⟩ is made anew. The product comes in strips of atoms, and of each
tile of a strip the largest bound is kept. Then each row looks at the atoms of the largest bounds in
float64, and lets one enter, with the Gram of its own atoms alone.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.block import (
    ALONG,
    DONE,
    GOING,
    HARDENED,
    KEPT,
    REACH,
    REST,
    SLACK,
    TAKEN,
    TILE,
    UNIT,
    of_row,
    renewed,
)
from gpudict.solvers.host.kernels.bounds import EPS, of_error, of_pull
from gpudict.solvers.host.kernels.compiling import compiled_in_place, inner
from gpudict.solvers.host.kernels.gathered import dot
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.triangle import (
    add,
    before,
    beyond,
    enter,
    products,
    stays_positive,
)

TINY, HARD, FLOOR, _ = constants.PURSUIT["float64"]
LOOKS = 8


@inner
def bounded(i, low, width, block, weights, rule):
    """Bound what the atoms of a tile are worth to row i; return the largest, as an integer."""
    corr, pull, bits, numbers, top = (
        block.corr[i],
        block.pull,
        block.bits,
        block.numbers,
        np.int32(0),
    )
    turn = np.float32(1 if rule.positive else -1)
    reach, slack = np.float32(numbers[i, REACH]), np.float32(numbers[i, SLACK])
    if rule.errors:
        left = block.left[i]
        for j in range(width):
            pull[j] = of_error(corr[low + j], left[low + j], turn, reach, slack)
    else:
        for j in range(width):
            pull[j] = of_pull(corr[low + j], weights[low + j], turn, reach)
    for j in range(width):
        top = max(top, bits[j])
    return top


@compiled_in_place
def absorb(some, C, first, block, many, rule):
    """Take a strip of the product, C (len(some), w), of atoms from `first` on, for some rows."""
    effect, tops, wide = block.effect, block.tops, C.shape[1]
    for p in range(some.shape[0]):
        i = some[p]
        row, corr = C[p], block.corr[i]
        kept, along, taken = effect[i, KEPT], effect[i, ALONG], effect[i, TAKEN]
        for low in range(0, wide, TILE):
            width, start = min(TILE, wide - low), first + low
            for j in range(width):
                corr[start + j] = kept * corr[start + j] - along * row[low + j]
            if rule.errors:
                left = block.left[i]
                for j in range(width):
                    left[start + j] -= taken * row[low + j] * row[low + j]
            tops[i, start // TILE] = bounded(i, start, width, block, many.weights, rule)


@inner
def gathered_part(i, j, A, m, block, many):
    """Return the squared length of atom j outside the span of the set of row i."""
    products(A.g, many.V[j], many.V, A.atoms, m)
    return beyond(many.norms[j] ** 2, 0.0, A, m)[0]


@inner
def worth(i, j, A, m, block, many, rule):
    """Return what atom j is worth to row i in the units of its bounds, 0 if that is rounding."""
    c, norm, unit = dot(many.V[j], block.R[i]), many.norms[j], block.numbers[i, UNIT]
    size = c if rule.positive else abs(c)
    some = size > TINY * np.sqrt(block.sq[i]) * norm
    value = size / (unit * many.largest)
    if some and rule.errors:
        part = gathered_part(i, j, A, m, block, many)
        value = (size / unit) ** 2 / max(part, FLOOR * norm * norm)
    return value if some else 0.0


@inner
def found(i, A, m, block, many, rule):
    """Return the atom that is worth most, −1 if none is worth anything, −2 after many looks."""
    tops, pull, bits, weights, k = (
        block.tops,
        block.pull,
        block.bits,
        many.weights,
        many.norms.shape[0],
    )
    looks = 2 * k + 1 if block.effect[i, KEPT] == 0.0 else LOOKS  # the first tile's atoms twice
    first, looked, top, tile = -1, 0, 0.0, 0
    for q in range(tops.shape[1]):
        tile = q if tops[i, q] > tops[i, tile] else tile
    limit = tops[i, tile]
    for turn in range(tops.shape[1] + 1):  # its tile, and then those that may have a better one
        q = tile if turn == 0 else turn - 1
        low = q * TILE
        width = min(TILE, k - low)
        if limit > 0 and tops[i, q] >= limit and looked <= looks:
            bounded(i, low, width, block, weights, rule)
            for j in range(width):
                if bits[j] >= limit and looked <= looks and low + j != first:
                    value = worth(i, low + j, A, m, block, many, rule)
                    looked += 1
                    if value > top or (value == top and low + j < first):
                        first, top = low + j, value
            keep = pull[0]
            pull[0] = top * (1.0 - 8.0 * EPS)
            limit = max(bits[0], np.int32(1))
            pull[0] = keep
    return first if looked <= looks else -2


@inner
def direction(A, m, V, e):
    """e = the unit vector that the last of m atoms has added to the span."""
    inverse, atoms = A.inverse, A.atoms
    for f in range(e.shape[0]):
        e[f] = 0.0
    for a in range(m):
        add(e, inverse[m - 1, a], V[atoms[a]])


@inner
def spanned(i, along, A, m, block, many, rule):
    """Take the part along the last e from r, and let the next product be that of e."""
    E, effect, numbers, e, r = block.E, block.effect, block.numbers, block.e, block.R[i]
    direction(A, m, many.V, e)
    for f in range(e.shape[0]):
        r[f] -= along * e[f]
        E[i, f] = e[f]
    numbers[i, REST] -= along * along
    block.counts[i] = m
    along /= numbers[i, UNIT]
    effect[i, KEPT], effect[i, ALONG], effect[i, TAKEN] = 1.0, along, 1.0
    off = (e.shape[0] + 4) * EPS
    numbers[i, REACH] += abs(along) * (off + EPS) + EPS
    numbers[i, SLACK] += 2.0 * (off + EPS)
    if m == rule.most or (rule.target > 0.0 and numbers[i, REST] <= rule.target):
        block.states[i] = DONE


@inner
def tried(i, j, A, m, block, many, rule):
    """Let the atom that was found enter, if it may; return whether it has, or the row is hard."""
    c, whole, low = dot(many.V[j], block.R[i]), many.norms[j] ** 2, j // TILE * TILE
    part = gathered_part(i, j, A, m, block, many)
    block.corr[i, j] = np.nan
    fresh = part > FLOOR * whole
    hard = fresh and part <= HARD * whole
    if fresh and not hard:
        before(A.w, A.inverse, A.y, m)
        fresh = not rule.positive or stays_positive(A, c / part, m)
    if hard:
        block.states[i] = HARDENED
    elif fresh:
        enter(j, part, c, A, m)
        spanned(i, c / np.sqrt(part), A, m + 1, block, many, rule)
    else:
        width = min(TILE, many.norms.shape[0] - low)
        block.tops[i, low // TILE] = bounded(i, low, width, block, many.weights, rule)
    return fresh


@compiled_in_place
def advance(some, block, many, rule):
    """Let an atom enter in each of some rows, or end it; or wait for its bounds to be made anew."""
    E, effect, numbers, states = block.E, block.effect, block.numbers, block.states
    for p in range(some.shape[0]):
        i, waiting, m = some[p], False, block.counts[some[p]]
        A = of_row(block.sets, i)
        while states[i] == GOING and not waiting:
            j = found(i, A, m, block, many, rule)
            r = block.R[i]
            if j >= 0:
                waiting = tried(i, j, A, m, block, many, rule)
            elif j == -1:
                states[i] = DONE
            else:
                length, waiting = np.sqrt(dot(r, r)), True
                renewed(r, length if length > 0.0 else 1.0, i, E, effect, numbers)


@compiled_in_place
def written(block, codes, error, low):
    """Write the codes of the block's rows, from row `low` on, and their squared errors."""
    (ends, columns, values), sets, numbers = codes, block.sets, block.numbers
    for i in range(block.counts.shape[0]):
        m, p = block.counts[i], low + i
        error[p] = np.nan if block.states[i] == HARDENED else max(numbers[i, REST], 0.0)
        ends[p + 1] = emit(sets.atoms[i], sets.u[i], m, ends[p], columns, values)
