"""Bounds of the lasso near the optimum of a face, where scaling the residual loses too much.

A face is a set S of atoms with signs s. The residual θ of codes on it is a dual point, and

    f(u) − min f ≤ ½‖r − θ‖² + alpha‖u‖₁ − ⟨u, Vθ⟩        for |Vθ| ≤ alpha, or Vθ ≤ alpha if u ≥ 0

Rounding leaves V θ known to ν for atoms of norm 1, which decides where alpha is small. Two ways
around: the θ̂ of the face's exact optimum has V_S θ̂ = alpha·s with no rounding, is within
η = (ρᵀG_SS⁻¹ρ)^½ of a θ at hand with ρ = V_S θ − alpha·s, and needs only the atoms outside S to
pull less by ν + η (`exact_face`); and a face solved for an alpha smaller by some ν is feasible
whatever rounding does (`inner_face`), at the price of that ν times ‖u‖₁.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import (
    Array,
    array_namespace,
    batched_solve,
    divisor,
    few_shapes,
    pick,
    read,
    scatter,
    sign,
)
from gpudict.objective.quadratic import Quadratic, correlation, diagonal, product, weighed
from gpudict.objective.small_grams import of_atoms, small_grams

TIES = 64  # of ν: atoms that pull nearly alpha belong to the face
INNER = 4  # of ν: how much smaller the alpha is for which the inner face is solved
SPARE = 16  # atoms of a face beyond the width of the atoms
SOLVES = 3


class Face(NamedTuple):
    """Of each row atoms (n, m), 1 or 0 where a place is empty, signs and norms; G_SS, ridged."""

    index: Array
    inside: Array
    signs: Array
    norms: Array
    gram: Array


def face_of(q: Quadratic, Z: Array, corr: Array, ties: Array) -> Face:
    """Return the face of each row: the atoms of its code, and those of `ties` (n, k)."""
    xp, k = array_namespace(Z), Z.shape[1]
    used = Z != 0
    wanted = 2 * xp.astype(used, Z.dtype) + xp.astype(ties & ~used, Z.dtype)
    (most,) = read(xp.max(xp.sum(xp.astype(wanted > 0, Z.dtype), axis=1)))
    width = k if q.factors is None else q.factors[1].shape[1] + SPARE
    m = few_shapes(Z, max(1, min(round(most), width)), k)
    index = xp.argsort(wanted, axis=1, descending=True, stable=True)[:, : min(m, k)]
    inside = xp.astype(pick(wanted, index) > 0, Z.dtype)
    u = pick(Z, index)
    signs = xp.where(u != 0, sign(u), sign(pick(corr, index))) * inside
    norms = of_atoms(divisor(xp.sqrt(diagonal(q))), index)
    G = small_grams(q, index) / norms[:, :, None] / norms[:, None, :]
    eye = xp.eye(index.shape[1], dtype=Z.dtype, device=Z.device)[None, :, :]
    G = xp.where((inside[:, :, None] * inside[:, None, :]) > 0, G, eye) + _ridge(Z) * eye
    return Face(index, inside, signs, norms, G)


def _ridge(Z: Array) -> float:
    return 4 * float(array_namespace(Z).finfo(Z.dtype).eps)


def solved(
    q: Quadratic, face: Face, Z: Array, alpha: float | Array, less: Array
) -> tuple[Array, Array]:
    """Return codes near Z with V_S θ = s·(alpha − less·‖v‖), and what is left of ρ, (n, m).

    Alpha goes with the atoms of the face.
    """
    k = Z.shape[1]
    target = face.signs * (alpha - less[:, None] * face.norms)
    for _ in range(SOLVES):
        rho = face.inside * (pick(correlation(q, Z), face.index) - target) / face.norms
        step = batched_solve(face.gram, rho) / face.norms
        Z = Z + scatter(face.index, step, face.inside > 0, k)
    return Z, face.inside * (pick(correlation(q, Z), face.index) - target) / face.norms


def reach(face: Face, rho: Array, noise: Array) -> Array:
    """Return η: how far θ may be from that of the exact optimum of the face; huge if unknown, (n,).

    It is unknown where rounding decides whether the atoms are independent.
    """
    xp = array_namespace(rho)
    size = face.inside * (xp.abs(rho) + noise[:, None])
    eye = xp.eye(rho.shape[1], dtype=rho.dtype, device=rho.device)[None, :, :]
    inverse = xp.abs(batched_solve(face.gram, eye + xp.zeros_like(face.gram)))
    eta = xp.sqrt(2 * xp.sum(size * (inverse @ size[:, :, None])[:, :, 0], axis=1))
    known = xp.max(xp.sum(inverse, axis=2), axis=1) * (rho.shape[1] * 8 * _ridge(rho)) < 0.1
    return xp.where(known, eta, xp.full_like(eta, float(xp.finfo(eta.dtype).max) ** 0.4))


def length(q: Quadratic, Y: Array) -> Array:
    """Return ‖y V‖ of each row, (n,), rounding in it."""
    xp = array_namespace(Y)
    eps = 4 * float(xp.finfo(Y.dtype).eps)
    mass = xp.sum(xp.abs(Y) * xp.sqrt(diagonal(q)), axis=1)
    if q.factors is None:
        square = xp.sum(Y * product(q, Y), axis=1)
        return xp.sqrt(xp.maximum(square, xp.zeros_like(square)) + eps * mass * mass)
    R = Y @ q.factors[1]
    return xp.sqrt(xp.sum(R * weighed(q.factors, R), axis=1)) + eps * mass
