"""What a run remembers: plain records of host numbers, one a check or one an iteration."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """One look at a running solver.

    Attributes
    ----------
    iteration : steps made so far
    unfinished : rows that still go on
    gap : the largest gap of a row, relative to ½‖x‖²; inf without a certificate
    """

    iteration: int
    unfinished: int
    gap: float


class Progress(NamedTuple):
    """One iteration of a learner.

    Attributes
    ----------
    iteration : counted from 0
    objective : ½‖X − UV‖² + alpha·‖U‖₁; of the mini-batch, per sample, when learning online
    gap : the largest gap of a row's code, relative to ½‖x‖²
    unused : atoms that no code used, revived before the next iteration
    seconds : wall time since the start
    """

    iteration: int
    objective: float
    gap: float
    unused: int
    seconds: float
