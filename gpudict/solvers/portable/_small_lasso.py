"""The lasso of each row on a few atoms: batched, in atoms of norm 1, with nothing that waits.

    ½⟨u, G u⟩ − ⟨u, b⟩ + Σ_j t_j |u_j|        G (n, m, m) with a unit diagonal, b and t (n, m)

An atom v of another norm is v/‖v‖ with the threshold t = alpha/‖v‖ and the code u·‖v‖, so that
atoms of norms that differ by many orders leave a problem whose numbers are near 1.

`fista` comes near, `polish` is exact once it has guessed the signs, `descend` is slow and always
ends. All compare objectives, and near an optimum, or where atoms almost depend on each other, a
difference of objectives is rounding: what is kept must be better beyond `noise`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from gpudict.arrays.door import (
    Array,
    array_namespace,
    batched_solve,
    device,
    divisor,
    pick,
    sign,
)
from gpudict.objective.penalties.contract import pull


class Small(NamedTuple):
    """The problem of each row. `ridged` is G with a diagonal that equal atoms can't make singular.

    Attributes
    ----------
    G, ridged : (n, m, m)
    b, t : (n, m)
    eye : (1, m, m)
    positive : whether u ≥ 0
    """

    G: Array
    ridged: Array
    b: Array
    t: Array
    eye: Array
    positive: bool

    @classmethod
    def of(cls, G: Array, b: Array, t: Array, positive: bool) -> Small:
        """Return the problem, its Gram ridged."""
        xp = array_namespace(G)
        eye = xp.eye(b.shape[1], dtype=b.dtype, device=device(b))[None, :, :]
        ridge = max(4 * float(xp.finfo(b.dtype).eps), 1e-13)
        return cls(G, G + ridge * eye, b, t, eye, positive)

    def pull(self, corr: Array) -> Array:
        """Return how strongly each correlation asks for its atom."""
        return pull(corr, self.positive)

    def objective(self, u: Array, Gu: Array) -> Array:
        """Return the objective of each row, (n, 1)."""
        xp = array_namespace(u)
        return xp.sum(u * (0.5 * Gu - self.b) + self.t * xp.abs(u), axis=1, keepdims=True)

    def noise(self, u: Array, cancelled: float = 1.0) -> Array:
        """Return the rounding of the objective of each row, (n, 1), at most: |G| ≤ 1.

        Without what is cancelled within G u it is what a benign row has.
        """
        xp = array_namespace(u)
        size = xp.sum(xp.abs(u), axis=1, keepdims=True)
        linear = xp.sum(xp.abs(u * self.b), axis=1, keepdims=True)
        return 4 * float(xp.finfo(u.dtype).eps) * (cancelled * size * size + linear)


def times(G: Array, u: Array) -> Array:
    """Return G u for each row, (n, m)."""
    return (G @ u[:, :, None])[:, :, 0]


def fista(small: Small, u: Array, steps: int) -> Array:
    """Make FISTA steps of length 1/‖G²‖_F^½ ≤ 1/λmax; the momentum is a number on the host.

    A step is eight launches: z = P y + h with P = I − G·length.
    """
    xp = array_namespace(u)
    square = small.G @ small.G
    bound = xp.sqrt(xp.sqrt(xp.sum(square * square, axis=(1, 2))))[:, None]
    length = 1 / divisor(bound)
    P, h, threshold = small.eye - small.G * length[:, :, None], small.b * length, small.t * length
    lower = -threshold
    y, t = u, 1.0
    for _ in range(steps):
        z = times(P, y) + h
        inside = xp.minimum(z, threshold)  # the soft threshold, its bounds made once
        new = z - (inside if small.positive else xp.maximum(inside, lower))
        t, before = (1 + math.sqrt(1 + 4 * t * t)) / 2, t
        y, u = new + (new - u) * ((before - 1) / t), new
    return u


def polish(small: Small, u: Array, solves: int) -> Array:
    """Solve the optimality conditions on a guess of the support; keep what lowers the objective."""
    xp = array_namespace(u)
    w, Gu = u, times(small.G, u)
    zero = xp.zeros_like(u)
    for solve in range(solves):
        target = w + (small.b - (times(small.G, w) if solve else Gu))
        inside = small.pull(target) > small.t
        w = xp.where(inside, w, zero)
        # solve for the correction: it also undoes the ridge of the solve before
        left = small.b - times(small.G, w) - xp.where(target > 0, small.t, -small.t)
        w = w + newton(small, inside, left)
    w = xp.maximum(w, zero) if small.positive else w
    kind = xp.finfo(u.dtype)
    limit = math.sqrt(float(kind.max)) / (4 * u.shape[1])  # solves of what nearly depends diverge,
    w = xp.where(xp.abs(w) < limit, w, u)  # and the squares of where they go must be numbers
    before, after = small.objective(u, Gu), small.objective(w, times(small.G, w))
    # what w has more of, which cancels, counts against it; rounding that both have must not
    better = after + small.noise(w) <= before + 2 * small.noise(u, 0.5)
    return xp.where(better, w, u)


def descend(small: Small, u: Array, faces: int) -> Array:
    """Walk from face to face: to the minimum of u's face, or to the best zero on the way there.

    Feature-sign search (Lee, Battle, Raina and Ng 2006, algorithm 1). The first face takes in all
    atoms that want to enter, each later one the strongest of them, and that only where it pulls
    harder than u's own face: then the direction is one of descent, and rows whose guesses cycle
    end here.
    """
    xp = array_namespace(u)
    zero = xp.zeros_like(u)
    for face in range(faces):
        corr = small.b - times(small.G, u)
        inside = u != 0
        outer = xp.where(inside, zero, xp.maximum(small.pull(corr) - small.t, zero))
        enters = outer > 0
        if face:
            inner = xp.where(inside, xp.abs(corr - small.t * sign(u)), zero)
            strongest = xp.max(outer, axis=1, keepdims=True)
            harder = strongest > xp.max(inner, axis=1, keepdims=True)
            enters = enters & harder & (outer == strongest)
        signs = xp.where(inside, sign(u), xp.where(enters, sign(corr), zero))
        d = newton(small, signs != 0, corr - small.t * signs)
        crossing = -u / divisor(d, d != 0)
        stops = xp.where((crossing > 0) & (crossing < 1), crossing, xp.ones_like(u))
        t = _best_stop(small, u, d, corr, stops)
        u = xp.where(stops == t, xp.where(t < 1, zero, u + d), u + t * d)
        if small.positive:
            u = xp.maximum(u, zero)
    return u


def _best_stop(small: Small, u: Array, d: Array, corr: Array, stops: Array) -> Array:
    """Return the best of the stops along u + t·d for each row, (n, 1), or 0 if none is better."""
    xp = array_namespace(u)
    slope = -xp.sum(corr * d, axis=1, keepdims=True)
    curve = xp.sum(d * times(small.G, d), axis=1, keepdims=True)
    size = xp.sum(xp.abs(d), axis=1, keepdims=True)
    curve = xp.maximum(curve, xp.zeros_like(curve))
    curve = curve + 8 * float(xp.finfo(u.dtype).eps) * size * size
    along = xp.abs(u[:, None, :] + stops[:, :, None] * d[:, None, :])
    value = stops * (slope + 0.5 * stops * curve) + xp.sum(small.t[:, None, :] * along, axis=2)
    best = xp.argmin(value, axis=1, keepdims=True)
    start = xp.sum(small.t * xp.abs(u), axis=1, keepdims=True)
    better = pick(value, best) < start
    t = pick(stops, best)
    return xp.where(better, t, xp.zeros_like(t))


def newton(small: Small, inside: Array, rhs: Array) -> Array:
    """Solve G_SS d_S = rhs_S on the set S of atoms inside; d is 0 elsewhere."""
    xp = array_namespace(rhs)
    both = inside[:, :, None] & inside[:, None, :]
    block = xp.where(both, small.ridged, small.eye)
    return batched_solve(block, xp.where(inside, rhs, xp.zeros_like(rhs)))
