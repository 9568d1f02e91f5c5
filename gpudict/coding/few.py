"""A few rows of NumPy's, of which nothing is asked but the lasso: what `encode` does, and no more.

Its plan, its chunks and their tally take longer than the code of a row. Here they are left out, and
the bits are the same. What there is to refuse, refine or say is left to `encode`, by None.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from gpudict.arrays.peaks import extremes
from gpudict.arrays.recurring import made_of, standing_for
from gpudict.arrays.rows import wide
from gpudict.arrays.saying import say_if_all
from gpudict.coding.on_host import atoms_of, largest, nothing, written
from gpudict.coding.plan import TOLERANCE
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import Atoms, Limits, RowBatch
from gpudict.solvers.host import active_set
from gpudict.solvers.host._products import product
from gpudict.solvers.records import Check, Ended, Solution, Status
from gpudict.solvers.registry import FASTEST, find

Coder = TypeVar("Coder", bound=Callable[..., Any])
PLAIN = {"alpha", "positive", "n_jobs"}  # what may be asked
ROWS = 16
MOST = 2**15  # numbers of the atoms
USUAL = 1e-9, 1e9  # sizes of numbers whose squares fit
LIMITS = {
    np.dtype(name): Limits(tol, active_set.SOLVER.max_iter, name == "float32")
    for name, tol in TOLERANCE.items()
}


def few_at_once(encode: Coder) -> Coder:
    """Let a function of X and V code a few rows at once, if that is all there is to do."""

    @functools.wraps(encode)
    def quick(X: Any, V: Any, /, *arguments: Any, **options: Any) -> Any:
        plain = options.keys() <= PLAIN and not arguments
        found = at_once(X, V, **options) if plain else None
        return encode(X, V, *arguments, **options) if found is None else found

    return cast(Coder, quick)


def at_once(
    X: Any, V: Any, alpha: Any = None, positive: Any = False, n_jobs: Any = None
) -> Solution | None:
    """Return the codes of a few rows, all converged, or None if there is more to do."""
    if not (_usual(X, V) and isinstance(alpha, float) and 0 < alpha < math.inf):
        return None
    if not isinstance(positive, bool) or not (n_jobs is None or (type(n_jobs) is int and n_jobs)):
        return None
    penalty = L1(alpha, positive)
    if find(FASTEST, penalty, X, len(V)) is not active_set.SOLVER:
        return None
    if (known := made_of(standing_for(V), _known)) is None:
        return None
    with np.errstate(all="ignore"):  # what has no squares is refused where all is looked at
        cov = product(X, known[0], sq := np.empty(len(X)))
    if not all(USUAL[0] < s < USUAL[1] for s in sq.tolist()):
        return None
    rows, limits = RowBatch(cov, sq, nothing(len(X))), LIMITS[X.dtype]
    found = active_set.SOLVER.solve_rows(known[1], rows, penalty, limits)
    if not (len(found.codes.values) and found.converged.all()):
        return None
    say_if_all("")  # of codes that are zero
    written(found.codes, Z := np.zeros(cov.shape, X.dtype))
    check = Check(found.rounds, 0, largest(found.gap, sq))
    ended = (Ended(len(X), Status.ROUNDING, False),)
    return Solution(Z, found.gap, found.converged, found.rounds, [check], alpha, ended)


def _usual(X: Any, V: Any) -> bool:
    """Whether they are a few rows (n, d) and small atoms (k, d) of NumPy's."""
    return (
        type(X) is type(V) is np.ndarray
        and X.ndim == V.ndim == 2
        and X.dtype == V.dtype
        and X.dtype in LIMITS
        and X.shape[1] == V.shape[1]
        and 0 < len(X) <= ROWS
        and V.size <= MOST
    )


def _known(V: np.ndarray) -> tuple[np.ndarray, Atoms] | None:
    """Return the atoms in float64, and what the solver needs of them, if their sizes are usual."""
    peak, least = extremes(V)
    if not USUAL[0] < least <= peak < USUAL[1]:
        return None
    return wide(V), atoms_of(V)
