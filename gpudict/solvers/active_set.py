"""The active-set lasso of the host: compiled, exact, a row after the other; see `kernels.lasso`.

It works in float64, and its gaps are certificates: rounding is in them.
"""

from __future__ import annotations

import numpy as np

from gpudict.penalties import L1
from gpudict.quadratic import Quadratic
from gpudict.solvers._compiled import Atoms, Batch, Outcome, State, init, settled, stepped

__all__ = ["CHECK_EVERY", "COMPILED", "init", "settled", "solve_rows", "step"]

CHECK_EVERY = 1
COMPILED = True
SPARE = 16  # places beyond the width of the atoms, for those that wait to change places
ROUNDS = 300  # of a row, before it is left to another solver


def step(q: Quadratic, penalty: L1, state: State) -> State:
    """Solve each row; the atoms of its code are the first active set."""
    return stepped(solve_rows, q, penalty, state)


def solve_rows(
    atoms: Atoms, rows: Batch, penalty: L1, rounds: int, single: bool, Z: np.ndarray
) -> Outcome:
    """Solve the rows; write their codes into Z (b, k), rounded to float32 if `single`."""
    from gpudict.kernels import lasso

    b, k = rows.C.shape
    most = k if atoms.width is None else min(k, atoms.width + SPARE)
    summands = (atoms.width or 0) + 4.0
    gap, rest, turns = np.empty(b), np.empty(b), np.empty(b, np.int32)
    how = (penalty.alpha, penalty.positive, single, summands, most, min(rounds, ROUNDS))
    lasso.solve(rows.C, atoms.gram, rows.sq, atoms.norms, rows.start, *how, Z, gap, rest, turns)
    return Outcome(gap, rest, int(turns.max()))
