"""What a solver returns, and what its run remembers: one record a check."""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array


class Check(NamedTuple):
    """One look at a running solver.

    Attributes
    ----------
    iteration : rounds made so far
    unfinished : rows that still go on
    gap : the largest gap of a row, relative to ½‖x‖²; inf without a certificate
    """

    iteration: int
    unfinished: int
    gap: float


class Solution(NamedTuple):
    """What a solver returns, in the order of the rows of X.

    Attributes
    ----------
    Z : (n, k), the codes
    gap : (n,), an upper bound on objective − optimum of each row; inf where none is known
    converged : (n,) bool, whether the row reached what was asked
    n_iter : rounds made
    history : list of Check; empty from a solver that makes one step
    """

    Z: Array
    gap: Array
    converged: Array
    n_iter: int
    history: list[Check]
