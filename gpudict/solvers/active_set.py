"""The active-set lasso of the host: compiled, exact, a row after the other; see `kernels.lasso`.

It works in float64, and its gaps are certificates: rounding is in them.
"""

from __future__ import annotations

import numpy as np

from gpudict.penalties import L1
from gpudict.quadratic import Quadratic
from gpudict.solvers._compiled import (
    Atoms,
    Batch,
    Outcome,
    State,
    blank,
    init,
    settled,
    stepped,
    trimmed,
)

__all__ = ["CHECK_EVERY", "COMPILED", "init", "settled", "solve_rows", "step"]

CHECK_EVERY = 1
COMPILED = "host"
SPARE = 16  # places beyond the width of the atoms, for those that wait to change places
ROUNDS = 300  # of a row, before it is left to another solver


def step(q: Quadratic, penalty: L1, state: State) -> State:
    """Solve each row; the atoms of its code are the first active set."""
    return stepped(solve_rows, q, penalty, state)


def solve_rows(atoms: Atoms, rows: Batch, penalty: L1, rounds: int, single: bool) -> Outcome:
    """Solve the rows; their codes are rounded to float32 if `single`."""
    from gpudict.kernels import lasso

    b, k = rows.C.shape
    most = k if atoms.width is None else min(k, atoms.width + SPARE)
    summands = (atoms.width or 0) + 4.0
    codes, gap, rest, turns = blank(b, most), np.empty(b), np.empty(b), np.empty(b, np.int32)
    how = (rows.alpha, penalty.positive, single, summands, most, min(rounds, ROUNDS))
    data, start = (rows.C, atoms.gram, rows.sq, atoms.norms), tuple(rows.start)
    lasso.solve(*data, start, *how, tuple(codes), gap, rest, turns)
    return Outcome(trimmed(codes), gap, rest, int(turns.max()))
