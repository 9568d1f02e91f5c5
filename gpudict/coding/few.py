"""A few rows of NumPy's, of which nothing is asked but the lasso: what `encode` does, and no more.

Its plan, its chunks and their tally take longer than the code of a row. Here all is one compiled
call, with the same bits. What there is to refuse, refine or say is left to `encode`, by None.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from gpudict.arrays.peaks import extremes
from gpudict.arrays.recurring import MOST, made_of, standing_for
from gpudict.arrays.rows import fixed, wide
from gpudict.arrays.saying import say_if_all
from gpudict.coding.on_host import ALONE, atoms_of
from gpudict.coding.plan import TOLERANCE
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.host import active_set
from gpudict.solvers.host._products import FEW
from gpudict.solvers.records import Check, Ended, Solution, Status
from gpudict.solvers.registry import FASTEST, find

Coder = TypeVar("Coder", bound=Callable[..., Any])
PLAIN = {"alpha", "positive", "n_jobs"}  # what may be asked
USUAL = 1e-9, 1e9  # sizes of numbers whose squares fit
ASKED = {np.dtype(name): (name == "float32", tol) for name, tol in TOLERANCE.items()}


class Known(NamedTuple):
    """Atoms, their Gram and their norms; the size of a set of them, and limits of the solver."""

    atoms: tuple[np.ndarray, np.ndarray, np.ndarray]
    limits: tuple[int, tuple[float, int, int]]


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
    from gpudict.solvers.host.kernels import at_once as kernel

    b, k = len(X), len(V)
    Z, cov, gap, done = np.empty((b, k)), np.empty((b, k)), np.empty(b), np.empty(b, np.bool)
    asked, both = (positive, *ASKED[X.dtype]), (cov, fixed(cov))
    data = fixed(wide(X)), known.atoms, float(alpha), asked, known.limits
    rounds, top = kernel.encode(*data, USUAL, both, Z, (gap, done))
    if rounds == kernel.LEFT:
        return None
    say_if_all("")  # of codes that are zero
    ended = (Ended(b, Status.ROUNDING, False),)
    Z = Z.astype(X.dtype, copy=False)
    return Solution(Z, gap, done, rounds, [Check(rounds, 0, top)], alpha, ended)


def _usual(X: Any, V: Any) -> bool:
    """Whether they are a few rows (n, d) and small atoms (k, d) of NumPy's."""
    return (
        type(X) is type(V) is np.ndarray
        and X.ndim == V.ndim == 2
        and X.dtype == V.dtype
        and X.dtype in ASKED
        and X.shape[1] == V.shape[1]
        and V.size <= MOST
        and 0 < len(X) * len(V) <= ALONE
        and len(X) * V.size <= FEW
    )


def _known(V: np.ndarray) -> Known | None:
    """Return what the kernel needs of the atoms, if their sizes are usual."""
    peak, least = extremes(V)
    if not USUAL[0] < least <= peak < USUAL[1]:
        return None
    atoms, solver = atoms_of(V), active_set.SOLVER
    assert atoms.gram is not None
    limits = solver.sizes(len(V), atoms.width, solver.max_iter)
    return Known((fixed(wide(V)), fixed(atoms.gram), atoms.norms), limits)
