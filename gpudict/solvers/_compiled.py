"""What the compiled solvers of the host share: how rows reach the kernels, and the solver's laws.

Such a module has one function of its own, which solves rows, one after the other, in float64:

    solve_rows(atoms, rows, penalty, rounds, single) -> Outcome

and `init`, `step` and `settled` from here: one step solves every row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gpudict._array import Array, array_namespace, from_host, to_host
from gpudict.quadratic import Quadratic
from gpudict.sparse import Rows

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
    """Rows to solve: C = X Vᵀ (b, k), sq = ‖x‖² (b,), b codes to start from, and alpha (b,)."""

    C: np.ndarray
    sq: np.ndarray
    start: Rows
    alpha: np.ndarray


class Outcome(NamedTuple):
    """Codes; of each row the gap (b,) and the squared error (b,); and the most rounds of one."""

    codes: Rows
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
    alpha = np.full(like.shape[0], getattr(penalty, "alpha", 0.0))
    rows = Batch(wide(q.cov), wide(q.sq), compressed(wide(like)), alpha)
    out = solve_rows(atoms, rows, penalty, MANY, xp.finfo(like.dtype).bits < 64)
    Z = xp.astype(from_host(expanded(out.codes, rows.C.shape[1]), like), like.dtype, copy=False)
    return State(Z, from_host(out.gap, like), from_host(out.rest, like), q.sq >= 0)


def blank(b: int, most: int = 0) -> Rows:
    """Return b rows without codes, with room for `most` in each."""
    room = b * most
    return Rows(np.zeros(b + 1, np.int64), np.empty(room, np.int32), np.empty(room))


def trimmed(codes: Rows) -> Rows:
    """Return the codes without the room that they do not need."""
    end = codes.ends[-1]
    return Rows(codes.ends, codes.columns[:end].copy(), codes.values[:end].copy())


def compressed(Z: np.ndarray) -> Rows:
    """Return dense rows (b, k) in compressed form, in float64."""
    from gpudict.kernels import rows

    codes = blank(len(Z), Z.shape[1])
    rows.compress(wide(Z), *codes)
    return trimmed(codes)


def expanded(codes: Rows, k: int, into: np.ndarray | None = None) -> np.ndarray:
    """Return the dense rows (b, k); written into an array of zeros if one is given."""
    b = len(codes.ends) - 1
    Z = np.zeros((b, k)) if into is None else into
    Z[np.repeat(np.arange(b), np.diff(codes.ends)), codes.columns] = codes.values
    return Z


def wide(x: Any) -> np.ndarray:
    """Return x as a float64 array of NumPy's, rows contiguous; in place where it is one."""
    return np.ascontiguousarray(to_host(x), dtype=np.float64)
