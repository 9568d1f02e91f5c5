"""What a step of online learning on the host leaves for the next one to write into, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.arrays.door import Array, from_host, precise, to_host
from gpudict.arrays.rows import wide
from gpudict.coding import on_host
from gpudict.learning.records import State
from gpudict.objective.quadratic import Quadratic, scaled
from gpudict.solvers.base import Atoms

Sums = tuple[np.ndarray, np.ndarray, np.ndarray]  # UᵀU (k, k), UᵀX (k, d), squares of X (d,)


class Kept(NamedTuple):
    """What a step leaves for the next one to write into, in float64 on the host.

    Attributes
    ----------
    V, atoms : the atoms (k, d), and what their solver needs, with their Gram
    recent, long : the memories, up to a factor
    factors : of both; for all that is in a memory to decay takes longer than a small batch does
    """

    V: np.ndarray
    atoms: Atoms
    recent: Sums
    long: Sums
    factors: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def of(cls, state: State) -> Kept:
        """Copy what there is."""
        V = np.array(wide(state.atoms))
        with precise(V):
            return cls(V, on_host.atoms_of(V), _sums(state.recent), _sums(state.long))


def settled(state: State, kept: Kept | None) -> State:
    """Return the state that was made with what is kept, with the factors in its memories."""
    if kept is None or kept.factors == (1.0, 1.0):
        return state
    pairs = zip((state.recent, state.long), kept.factors, strict=True)
    recent, long = (scaled(q, factor) for q, factor in pairs)
    return state._replace(recent=recent, long=long)


def memories(kept: Kept, sq: Array) -> tuple[Quadratic, Quadratic]:
    """Return the memories as a state has them beside what is kept, in the place of a vector."""
    like = Quadratic(sq, sq)
    return quadratic_of(kept.recent, like), quadratic_of(kept.long, like)


def _sums(q: Quadratic) -> Sums:
    """Return copies of the sums."""
    A, B, squares = (np.array(to_host(a), np.float64, order="C") for a in (q.gram, q.cov.T, q.sq))
    return A, B, squares


def quadratic_of(sums: Sums, like: Quadratic) -> Quadratic:
    """Return a memory in the library and dtype of another one."""
    A, B, squares = sums
    if type(like.sq) is np.ndarray:
        return Quadratic(B.T, squares, A)
    dtype = to_host(like.sq).dtype  # a copy: others' arrays may have one value for good
    return Quadratic(*(from_host(a.astype(dtype), like.sq) for a in (B.T, squares, A)))
