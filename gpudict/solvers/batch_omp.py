"""Orthogonal matching pursuit on the host: compiled, a row after the other; see `kernels.pursuit`.

It starts from nothing chosen, whatever codes it is given.
"""

from __future__ import annotations

import numpy as np

from gpudict.penalties import Cardinality
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


def step(q: Quadratic, penalty: Cardinality, state: State) -> State:
    """Code each row."""
    return stepped(solve_rows, q, penalty, state)


def solve_rows(
    atoms: Atoms, rows: Batch, penalty: Cardinality, rounds: int, single: bool
) -> Outcome:
    """Code the rows."""
    from gpudict.kernels import pursuit

    most = min(penalty.n_nonzero, rounds)
    codes, rest = blank(len(rows.sq), most), np.empty(len(rows.sq))
    limits = (most, penalty.target, penalty.positive)
    data = (rows.C, atoms.gram, rows.sq, atoms.norms)
    turns = pursuit.solve(*data, *limits, tuple(codes), rest)
    return Outcome(trimmed(codes), np.full_like(rest, np.inf), rest, turns)
