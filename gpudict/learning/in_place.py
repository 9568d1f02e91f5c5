"""A batch and what it moves, in place: in one compiled call where rows are few, or part by part."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import numpy as np

from gpudict.arrays.door import precise, to_host
from gpudict.arrays.rows import Rows, fixed, wide
from gpudict.coding import on_host
from gpudict.coding.request import Request
from gpudict.learning import updates
from gpudict.learning.atoms import UNUSED
from gpudict.learning.codes import ones
from gpudict.learning.kept import Kept
from gpudict.learning.samples import Samples
from gpudict.solvers.base import Atoms
from gpudict.solvers.host import active_set, sphere_blocks
from gpudict.solvers.host._products import FEW, calm


class Found(NamedTuple):
    """What a batch makes: what is kept, its codes, what is known of them, how far atoms moved."""

    kept: Kept
    codes: Rows
    gap: np.ndarray
    converged: np.ndarray
    told: Any
    change: float | None = None


class Batch(NamedTuple):
    """Rows X (b, d) with weights (b,), and what they move.

    Attributes
    ----------
    memories : the recent and the long one, as `kernels.memory` has them
    least : in the recent A, what an atom that is used has more than, in units of a typical ‖x‖²
    sweeps : how often the atoms are updated
    single : whether codes and atoms are rounded to float32
    """

    X: np.ndarray
    weight: np.ndarray
    kept: Kept
    memories: tuple[Any, Any]
    least: float
    recipe: updates.Recipe
    sweeps: int
    single: bool

    @classmethod
    def of(
        cls,
        samples: Samples,
        kept: Kept,
        decayed: tuple[float, float],
        recipe: updates.Recipe,
        sweeps: int,
    ) -> Batch:
        """Return the batch for what is kept, of which so much is left beside it."""
        from gpudict.solvers.host.kernels.memory import Memory

        x, total = to_host(samples.X), samples.total
        weight = ones(len(x)) if samples.weight is None else wide(samples.weight)
        (before, earlier), (one, two) = decayed, kept.factors
        recent = Memory(*kept.recent, before / one, 1 / (total * one))
        long = Memory(*kept.long, earlier / two, 1 / (total * two))
        least, single = UNUSED / one, x.dtype != np.float64
        return cls(fixed(wide(x)), weight, kept, (recent, long), least, recipe, sweeps, single)


def found(batch: Batch) -> Found:
    """Code the batch, add it to the memories, and let the atoms move if it is their turn."""
    few = len(batch.X) * batch.kept.V.size <= FEW
    return (_at_once(batch) if few else None) or _in_parts(batch)


def _at_once(batch: Batch) -> Found | None:
    """Return what is found in one call, or None where a row is no matter of every batch."""
    from gpudict.solvers.host.kernels import at_once, memory

    X, weight, kept, memories, least, (_, plan, update, *_), sweeps, single = batch
    penalty, solver, G = cast(Any, plan.penalty), active_set.SOLVER, kept.atoms.gram
    assert G is not None
    (b, d), k = X.shape, len(kept.V)
    limits = solver.sizes(k, d, plan.max_iter)
    codes, gap, done = Rows.blank(b, limits[0]), np.empty(b), np.empty(b, np.bool)
    cov = np.empty((b, k))
    V = kept.V.copy() if sweeps else kept.V
    rounds, change, told = at_once.step(
        X,
        weight,
        (fixed(kept.V), fixed(G), kept.atoms.norms),
        float(penalty.alpha),  # of the lasso: its solver has no other problem
        (penalty.positive, single, plan.tol),
        limits,
        (cov, fixed(cov)),
        tuple(codes),
        (gap, done),
        memories,
        least,
        (V, fixed(V), G, update.penalty.positive, sweeps),
    )
    if rounds == at_once.LEFT:
        return None
    kept, moved = Kept(V, *kept[1:]), change if sweeps else None
    return Found(kept, codes.trimmed(), gap, done, memory.Told(*told), moved)


def _in_parts(batch: Batch) -> Found:
    """Return what is found call by call; the codes of many rows by threads."""
    from gpudict.solvers.host.kernels import memory

    X, weight, kept, memories, least, recipe, sweeps, single = batch
    codes, gap, converged = _coded(X, kept, recipe, single)
    alpha = float(cast(Any, recipe.plan).penalty.alpha)
    told = memory.fold(*memories, X, weight, tuple(codes), gap, fixed(kept.V), alpha, least)
    change = None
    if sweeps:
        kept, change = _turned(kept, recipe, sweeps, single)
    return Found(kept, codes, gap, converged, memory.Told(*told), change)


def _coded(
    X: np.ndarray, kept: Kept, recipe: updates.Recipe, single: bool
) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Return the codes in float64, their gaps and whether they converged; few rows as one chunk."""
    X = X.astype(np.float32) if single else X
    request, atoms = Request(X, kept.V), kept.atoms
    if X.shape[0] * recipe.k <= on_host.ALONE:
        with precise(kept.V), calm(X.shape[0] * kept.V.size):
            return on_host.solved(request, atoms, recipe.plan)[0][:3]
    made = on_host.solve(request, recipe.plan, n_jobs=recipe.n_jobs, sparse=True, known=atoms)
    return made.Z.astype(np.float64), made.gap, made.converged


def _turned(kept: Kept, recipe: updates.Recipe, sweeps: int, single: bool) -> tuple[Kept, float]:
    """Return what is kept with atoms that have moved, and how far."""
    from gpudict.solvers.host.kernels import products, rows

    V, G, (A, B, _) = kept.V.copy(), kept.atoms.gram, kept.recent
    assert G is not None
    for _ in range(sweeps):
        sphere_blocks.swept(A, B, V, positive=recipe.positive, single=single)
    change = math.sqrt(np.sum((V - kept.V) ** 2))  # not by BLAS, whose threads would spin
    products.products(fixed(V), fixed(V), True, G)
    rows.mirror(G)
    return kept._replace(V=V, atoms=Atoms.of(G, V.shape[1])), change
