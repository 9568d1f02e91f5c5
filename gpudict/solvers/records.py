"""What a solver returns, and what its run remembers: one record a check."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, asarray_like, to_host


class Status(IntEnum):
    """Why a row ended as it did.

    Attributes
    ----------
    CONVERGED : it reached what was asked
    ROUNDING : no further step improves it: it is as near as rounding lets it be
    LIMIT : it had as many rounds, or a pursuit as many atoms, as it may have
    TIME : there was no more time
    """

    CONVERGED = 0
    ROUNDING = 1
    LIMIT = 2
    TIME = 3


class Ended(NamedTuple):
    """Rows of a batch: how many, how those ended that did not converge, and if all are zeros.

    Of a batch on a device `zeros` is whether they may be, for to look costs a wait.
    """

    rows: int
    missed: Status
    zeros: bool


class Gaps(NamedTuple):
    """Rows and their gaps in numbers; `print` shows them as a sentence.

    Attributes
    ----------
    rows : how many there are
    missed : rows that did not converge
    largest, median, total : of all gaps; inf for pursuits
    status : how many rows ended so, for each `Status`
    """

    rows: int
    missed: int
    largest: float
    median: float
    total: float
    status: dict[Status, int]

    def __str__(self) -> str:
        others = (f"{n:,} {SAID[kind]}" for kind, n in self.status.items() if n and kind in SAID)
        why = ", ".join(others)
        numbers = f"largest {self.largest:.2g}, median {self.median:.2g}, sum {self.total:.2g}"
        bounds = numbers if np.isfinite(self.total) else "none is known"
        return f"{self.rows:,} rows, {self.missed:,} missed{why and f' ({why})'}; gaps: {bounds}"


SAID = {
    Status.ROUNDING: "at the floor of rounding",
    Status.LIMIT: "at a limit",
    Status.TIME: "out of time",
}


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
    alpha : the weight of ‖u‖₁, a number or (n,), as given or as found for a target; None where
        there is none
    ended : how each batch ended, from which `status` is made
    """

    Z: Array
    gap: Array
    converged: Array
    n_iter: int
    history: list[Check]
    alpha: Any = None
    ended: Any = ()

    @property
    def status(self) -> Array:
        """The `Status` of each row, (n,), made when it is asked for."""
        if not isinstance(self.ended, tuple):
            return self.ended
        each = np.repeat([e.missed for e in self.ended], [e.rows for e in self.ended])
        xp = array_namespace(self.converged)
        missed = asarray_like(each.astype(np.int32), self.converged, xp.int32)
        return xp.where(self.converged, xp.zeros_like(missed), missed)

    def summary(self) -> Gaps:
        """Return how many rows missed their tolerance and why, and their gaps in numbers.

        Returns
        -------
        Gaps
            Numbers on the host; `print` shows them as a sentence.
        """
        gap, status = (to_host(_made(a)) for a in (self.gap, self.status))
        count = {kind: int(np.count_nonzero(status == kind)) for kind in Status}
        missed = status.size - count[Status.CONVERGED]
        largest, median, total = (float(f(gap)) for f in (np.max, np.median, np.sum))
        return Gaps(status.size, missed, largest, median, total, count)


def _made(a: Any) -> Array:
    """Return an array; what is in chunks is computed."""
    return a.compute() if hasattr(a, "compute") else a
