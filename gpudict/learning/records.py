"""What learning returns, and what it remembers: one record an iteration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, asarray_like, read
from gpudict.objective.quadratic import Quadratic


class Progress(NamedTuple):
    """One iteration of a learner, or step of an online one.

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


class Learned(NamedTuple):
    """A learned dictionary.

    Attributes
    ----------
    dictionary : (k, d), atoms of norm 1 in rows
    code : (n, k); None from online learning
    objective : (n_iter,), ½‖X − UV‖² + alpha·‖U‖₁ after each iteration (online: of each
        mini-batch, per sample); dictionary and code are of the lowest
    gap : (n,), how far each row's code is, at most, from the optimum for the dictionary that it was
        computed with; None from online learning
    converged : whether the codes of every iteration reached their tolerance
    n_iter : iterations made
    history : list of Progress
    past : the statistics of all batches that online learning goes on from; None from batch learning
    """

    dictionary: Array
    code: Array | None
    objective: Array
    gap: Array | None
    converged: bool
    n_iter: int
    history: list[Progress]
    past: Quadratic | None = None


class Summary(NamedTuple):
    """What the host learns of an iteration: cost, largest relative gap, unused atoms, converged."""

    cost: float
    gap: float
    unused: int
    converged: bool

    @classmethod
    def of(cls, told: Sequence[tuple[Array, Array, Array]], dead: Array) -> Summary:
        """Read cost, largest gap and convergence of each block, and the dead atoms; one wait."""
        xp, numbers = array_namespace(dead), [number for one in told for number in one]
        unused, *rest = read(xp.sum(xp.astype(dead, numbers[0].dtype)), *numbers)
        return cls(sum(rest[::3]), max(rest[1::3]), round(unused), all(rest[2::3]))


def objectives(history: list[Progress], like: Array) -> Array:
    """Return the objective of each iteration as a vector in the place and dtype of `like`."""
    return asarray_like(np.asarray([h.objective for h in history], dtype=np.float64), like)
