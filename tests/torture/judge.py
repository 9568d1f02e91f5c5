"""The judge of the torture table: the optimum of each row in 100 digits, and one ratio."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from tests.support import exact
from tests.support.backends import host
from tests.torture import cases

LEAST = 1e-300  # of an objective: what float64 has no number for is no excess


class Judged(NamedTuple):
    """Of each row (objective − optimum)/gap and objective/½‖x‖², at most 1; if it converged."""

    ratio: np.ndarray
    beside_zeros: np.ndarray
    converged: np.ndarray


class Problem(NamedTuple):
    """A case with a sign, and its optima in 100 digits."""

    case: cases.Case
    positive: bool
    V: np.ndarray
    optima: list[Any]

    def judged(self, found: Any, rows: slice = slice(None)) -> Judged:
        """Return what is to be said of codes of some of the rows."""
        X, _, alphas = self.case
        triples = zip(X[rows], host(found.Z), alphas[rows], strict=True)
        values = [exact.objective(x, self.V, u, a) for x, u, a in triples]
        excess = [float(v - best) for v, best in zip(values, self.optima[rows], strict=True)]
        excess, half = np.array(excess), 0.5 * (X[rows].astype(float) ** 2).sum(axis=1)
        beside = np.array(values, dtype=float) / np.where(half > 0, half, 1)
        gap = host(found.gap).astype(float)
        assert np.isfinite(host(found.Z)).all()
        within = np.where(excess <= LEAST, 0.0, excess / np.where(gap > 0, gap, LEAST))
        return Judged(within, beside, host(found.converged))


@functools.lru_cache(maxsize=4)
def problem(kind: str, size: int, dtype: str, positive: bool) -> Problem:
    """Return a problem of the table."""
    return solved(cases.case(kind, size, dtype), positive)


def nothing_asked(kind: str, size: int, dtype: str) -> Problem:
    """Return a problem of the table with alpha = 0, for non-negative codes."""
    X, V, _ = cases.case(kind, size, dtype)
    X = X[:: len(X) // cases.SAMPLES]
    return solved(cases.Case(X, V, np.zeros(len(X))), positive=True)


def solved(case: cases.Case, positive: bool) -> Problem:
    """Return a case with its optima."""
    V = exact.exactly(case.V)
    G = V @ V.T
    rows = zip(case.X, case.alphas, strict=True)
    return Problem(case, positive, V, [exact.lasso(x, V, G, a, positive)[0] for x, a in rows])
