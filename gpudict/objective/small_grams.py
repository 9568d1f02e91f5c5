"""Atoms of norm 1, and small Grams of those that matter to a row: what working sets are made of.

They come from the shared Gram, or from the atoms where there is none. Where entries have weights
each row has its own norms and Grams, V_A diag(w) V_Aᵀ.
"""

from __future__ import annotations

from gpudict.arrays.door import Array, array_namespace, divisor, pick, take
from gpudict.objective.quadratic import Quadratic, diagonal

ALL = slice(None)


def with_unit_atoms(q: Quadratic, /) -> tuple[Quadratic, Array]:
    """Return the quadratic as one of atoms v/‖v‖ and codes z·‖v‖, and the norms, (k,) or (n, k).

    A zero atom stays zero, with 1 for its norm. Where rows have their own norms the factors stay
    as they are, and `unit_grams` divides.
    """
    xp = array_namespace(q.cov)
    norm = divisor(xp.sqrt(diagonal(q)))
    gram = None if q.gram is None else q.gram / (norm[:, None] * norm[None, :])
    factors = q.factors
    if factors is not None and norm.ndim == 1:
        factors = (factors[0], factors[1] / norm[:, None])
    return Quadratic(q.cov / norm, q.sq, gram, factors), norm


def of_atoms(norm: Array, index: Array, /) -> Array:
    """Return the norms, (k,) or (n, k), of the atoms in each row of index (n, m)."""
    if norm.ndim == 2:
        return pick(norm, index)
    xp = array_namespace(norm)
    return xp.reshape(take(norm, xp.reshape(index, (-1,))), index.shape)


def unit_grams(unit: Quadratic, norm: Array, index: Array, rows: slice = ALL, /) -> Array:
    """Return what `small_grams` does, of the quadratic and norms that `with_unit_atoms` returns."""
    G = small_grams(unit, index, rows)
    if norm.ndim == 1:
        return G
    size = pick(norm[rows, :], index)
    return G / (size[:, :, None] * size[:, None, :])


def gathered(q: Quadratic, index: Array, /) -> Array:
    """Return the atoms in each row of index (n, m), (n, m, d)."""
    assert q.factors is not None
    xp = array_namespace(q.cov)
    return xp.reshape(take(q.factors[1], xp.reshape(index, (-1,))), (*index.shape, -1))


def small_grams(q: Quadratic, index: Array, rows: slice = ALL, /) -> Array:
    """Return the (n, m, m) Grams of the atoms in each row of index (n, m), of some rows."""
    if q.gram is not None:
        return q.gram[index[:, :, None], index[:, None, :]]
    assert q.factors is not None
    (_, _, *weight), atoms = q.factors, gathered(q, index)
    seen = atoms * weight[0][rows, None, :] if weight else atoms
    return seen @ array_namespace(atoms).matrix_transpose(atoms)


def small_gram_numbers(q: Quadratic, m: int, copies: int, /) -> int:
    """Return how many numbers so many copies of a row's (m, m) Gram take while it is made."""
    if q.gram is not None or q.factors is None:
        return copies * m * m
    width: int = q.factors[1].shape[1]
    return copies * m * m + m * width * (len(q.factors) - 1)
