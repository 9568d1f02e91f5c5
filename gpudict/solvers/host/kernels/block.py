"""A block of rows that pursue together over many atoms, and how far each is; see `crowd`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.bounds import EPS
from gpudict.solvers.host.kernels.compiling import inner
from gpudict.solvers.host.kernels.triangle import Chosen

NEAR = constants.PURSUIT["float64"].NEAR
TILE = 256  # atoms
REST, UNIT, REACH, SLACK = range(4)  # of the numbers of a row
KEPT, ALONG, TAKEN = range(3)  # of the effect of a product
GOING, DONE, HARDENED = range(3)


class Block(NamedTuple):
    """The rows of a block, and how far each is.

    Attributes
    ----------
    X, R : (b, d), the rows and their residuals
    sq : (b,), ‖x‖²
    E, effect : (b, d) and (b, 3), in float32: what is multiplied next, and by how much ⟨v, r⟩ is
        kept, falls by the product, and what is left by its square
    corr : (b, k), ⟨v, r⟩ in float32, of atoms of norm 1, r in a unit of its own; NaN once the atom
        was tried
    left : (b, k), the atoms' squared lengths outside the span; or (0, 0) where errors don't count
    tops : (b, tiles), the largest bound of each tile, as an integer
    pull, bits : (TILE,), the bounds of a tile, and the same memory as integers
    numbers : (b, 4), ‖r‖², the unit, and what ⟨v, r⟩ and the squared lengths are off by
    counts, states : (b,), the atoms of each row, and what has become of it
    e : (d,)
    sets : the sets of all rows
    """

    X: np.ndarray
    R: np.ndarray
    sq: np.ndarray
    E: np.ndarray
    effect: np.ndarray
    corr: np.ndarray
    left: np.ndarray
    tops: np.ndarray
    pull: np.ndarray
    bits: np.ndarray
    numbers: np.ndarray
    counts: np.ndarray
    states: np.ndarray
    e: np.ndarray
    sets: Chosen


class Many(NamedTuple):
    """Atoms V (k, d) with their norms (k,), and these in float32 as shares of the largest."""

    V: np.ndarray
    norms: np.ndarray
    weights: np.ndarray
    largest: float


class Rule(NamedTuple):
    """The most atoms of a row, its squared error at the end, and how its atoms are chosen."""

    most: int
    target: float
    positive: bool
    errors: bool


def begin(X: np.ndarray, sq: np.ndarray, units: np.ndarray, k: int, rule: Rule) -> Block:
    """Return the block of the rows X (b, d), with ‖x‖² and their units (b,), and k atoms."""
    (b, d), single, space = X.shape, np.float32, rule.most + 8
    numbers, effect = np.zeros((b, 4)), np.tile(np.asarray((0, -1, 0), single), (b, 1))
    numbers[:, REST], numbers[:, UNIT], numbers[:, REACH] = sq, units, (d + 4) * EPS
    E = (X / np.where(units > 0, units, 1)[:, None]).astype(single)
    states = np.where((rule.target > 0) & (rule.target < NEAR * sq), HARDENED, GOING)
    over = (units == 0) | (rule.most == 0) | ((rule.target > 0) & (sq <= rule.target))
    states[over] = DONE
    corr, left = np.zeros((b, k), single), np.ones((b, k) if rule.errors else (0, 0), single)
    tops, pull = np.zeros((b, -(-k // TILE)), np.int32), np.zeros(TILE, single)
    inverse, turned = np.zeros((2, b, space, space))
    (u, t), (g, y, w) = np.zeros((2, b, space)), np.zeros((3, space))
    sets = Chosen(inverse, turned, np.zeros((b, space), np.int64), u, t, g, y, w)
    made = (E, effect, corr, left, tops, pull, pull.view(np.int32), numbers)
    return Block(X, X.copy(), sq, *made, np.zeros(b, np.int64), states, np.zeros(d), sets)


@inner
def renewed(r, unit, i, E, effect, numbers):
    """Let the next product make ⟨v, r⟩ of row i anew."""
    d = r.shape[0]
    for f in range(d):
        E[i, f] = r[f] / unit
    effect[i, KEPT], effect[i, ALONG], effect[i, TAKEN] = 0.0, -1.0, 0.0
    numbers[i, UNIT], numbers[i, REACH] = unit, (d + 4) * EPS


@inner
def of_row(sets, i):
    """Return the set of a row."""
    inverse, turned, atoms, u, t = sets.inverse, sets.turned, sets.atoms, sets.u, sets.t
    return Chosen(inverse[i], turned[i], atoms[i], u[i], t[i], sets.g, sets.y, sets.w)
