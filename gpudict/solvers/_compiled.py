"""What the compiled solvers of the host share: how rows reach the kernels, and the solver's laws.

Such a module has one function of its own, which solves rows, one after the other, in float64:

    solve_rows(atoms, rows, penalty, rounds, single, Z) -> Outcome       codes are written into Z

and `init`, `step` and `settled` from here: one step solves every row. COMPILED says that it is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gpudict._array import Array, array_namespace, from_host, to_host
from gpudict.quadratic import Quadratic

MANY = 10**6  # rounds of a row that are not limited by the caller


class Atoms(NamedTuple):
    """The atoms as the compiled loops need them: their Gram (k, k), norms (k,), and width d."""

    gram: np.ndarray
    norms: np.ndarray
    width: int | None

    @classmethod
    def of(cls, gram: np.ndarray, width: int | None) -> Atoms:
        """Return the atoms with this Gram, of that width if it is known."""
        return cls(gram, np.sqrt(np.maximum(np.diagonal(gram), 0)), width)


class Batch(NamedTuple):
    """Rows to solve: C = X Vᵀ (b, k), sq = ‖x‖² (b,), and codes to start from (b, k) or (0, k)."""

    C: np.ndarray
    sq: np.ndarray
    start: np.ndarray


class Outcome(NamedTuple):
    """Of each row the gap (b,) and the squared error (b,); and the most rounds that one took."""

    gap: np.ndarray
    rest: np.ndarray
    turns: int


class State(NamedTuple):
    """Codes (n, k); of each row the gap, the squared error and whether it was solved, (n,)."""

    Z: Array
    gap: Array
    rest: Array
    solved: Array


def init(q: Quadratic, penalty: Any, Z: Array) -> State:
    """Start from Z."""
    xp = array_namespace(Z)
    return State(Z, xp.full_like(q.sq, xp.inf), q.sq, q.sq < 0)


def settled(state: State) -> Array:
    """Say of every row that one step was all."""
    return state.solved


def stepped(solve_rows: Callable[..., Outcome], q: Quadratic, penalty: Any, state: State) -> State:
    """Solve each row."""
    assert q.gram is not None
    xp, like = array_namespace(state.Z), state.Z
    atoms = Atoms.of(wide(q.gram), None if q.factors is None else int(q.factors[0].shape[1]))
    rows = Batch(*(wide(a) for a in (q.cov, q.sq, like)))
    Z, single = np.empty(rows.C.shape), xp.finfo(like.dtype).bits < 64
    out = solve_rows(atoms, rows, penalty, MANY, single, Z)
    codes = xp.astype(from_host(Z, like), like.dtype, copy=False)
    return State(codes, from_host(out.gap, like), from_host(out.rest, like), q.sq >= 0)


def wide(x: Any) -> np.ndarray:
    """Return x as a float64 array of NumPy's, rows contiguous; in place where it is one."""
    return np.ascontiguousarray(to_host(x), dtype=np.float64)
