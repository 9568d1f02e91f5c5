"""A step of online learning on the host in few compiled calls, on what the step before left.

Of a small batch the parts of a step take some microseconds each, and calls between them longer; and
with many atoms, to make memories anew takes longer than to code a batch. So memories, and the Gram
of the atoms, are written in place. It is the step of `online` by parts, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from gpudict.arrays.door import Array, from_host, precise, to_host
from gpudict.arrays.rows import Rows, wide
from gpudict.coding import on_host
from gpudict.coding.request import Request
from gpudict.learning import updates
from gpudict.learning.apart import is_apart
from gpudict.learning.atoms import UNUSED
from gpudict.learning.blocks import Coded, Made
from gpudict.learning.codes import ALONE as FEW_ROWS
from gpudict.learning.codes import Compressed, ones
from gpudict.learning.forgetting import Turn
from gpudict.learning.records import State, Summary
from gpudict.learning.samples import Samples
from gpudict.objective.quadratic import Quadratic, scaled
from gpudict.solvers.base import Atoms
from gpudict.solvers.host import active_set, sphere_blocks
from gpudict.solvers.host._products import calm

COMPILED = (active_set.SOLVER, sphere_blocks.SOLVER)  # what solves for codes, and for atoms
Sums = tuple[np.ndarray, np.ndarray, np.ndarray]  # UᵀU (k, k), UᵀX (k, d), squares of X (d,)


class Kept(NamedTuple):
    """What a step leaves for the next one to write into, in float64 on the host.

    Attributes
    ----------
    V, atoms : the atoms (k, d), and what their solver needs, with their Gram
    recent, long : the memories, up to a factor
    factors : of both; for all that is in a memory to decay takes longer than a small batch does
    """

    V: np.ndarray
    atoms: Atoms
    recent: Sums
    long: Sums
    factors: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def of(cls, state: State) -> Kept:
        """Copy what there is."""
        V = np.array(wide(state.atoms))
        with precise(V):
            return cls(V, on_host.atoms_of(V), _sums(state.recent), _sums(state.long))


def settled(state: State, kept: Kept | None) -> State:
    """Return the state that was made with what is kept, with the factors in its memories."""
    if kept is None or kept.factors == (1.0, 1.0):
        return state
    pairs = zip((state.recent, state.long), kept.factors, strict=True)
    recent, long = (scaled(q, factor) for q, factor in pairs)
    return state._replace(recent=recent, long=long)


def memories(kept: Kept, sq: Array) -> tuple[Quadratic, Quadratic]:
    """Return the memories as a state has them beside what is kept, in the place of a vector."""
    like = Quadratic(sq, sq)
    return _quadratic(kept.recent, like), _quadratic(kept.long, like)


class Moved(NamedTuple):
    """What a batch makes of a state, and what there is to know of it.

    Attributes
    ----------
    state : the next one, but for its counts
    made : the codes of the batch, each block's where it is
    scale : a typical ‖x‖², 0-d
    summary : what the host knows
    change : ‖V − V₋‖_F, if it is known
    kept : what the next step may write into, if there is; its factors are not in the state
    """

    state: State
    made: Sequence[Made]
    scale: Array | float
    summary: Summary
    change: float | None = None
    kept: Kept | None = None


def fits(state: State, samples: Samples, recipe: updates.Recipe) -> bool:
    """Whether there is such a step, and threads for more than the codes would not be worth it."""
    (n, d), k = samples.X.shape, recipe.k
    compiled = (recipe.plan.solver, recipe.update.solver) == COMPILED
    small = n <= FEW_ROWS and k * k * d <= updates.ALONE
    with_gram = not is_apart(state.recent)  # COMPILED take no weights of entries
    compiled = compiled and not recipe.plan.penalty.reduces
    return compiled and small and with_gram and state.step > 0 and not recipe.devices


def moved(
    state: State, samples: Samples, recipe: updates.Recipe, turn: Turn, kept: Kept | None
) -> Moved:
    """Code a batch, let the memories decay and add it, let the atoms move if it is their turn."""
    X, kept = samples.X, kept or Kept.of(state)
    decayed = (kept.factors[0] * turn.keeps[0], kept.factors[1] * turn.keeps[1])
    kept = kept._replace(factors=(1.0, 1.0) if turn.move else decayed)
    codes, gap, converged = _coded(X, kept, recipe)
    told = _folded(samples, codes, gap, kept, decayed, recipe)
    change = None
    if turn.move:
        kept, change = _turned(kept, recipe, single=to_host(X).dtype != np.float64)
        state = state._replace(atoms=from_host(kept.V.astype(to_host(X).dtype, copy=False), X))
    recent, long = (_quadratic(sums, state.recent) for sums in (kept.recent, kept.long))
    sparse = Compressed(codes.astype(to_host(X).dtype), state.atoms, recipe.n_jobs)
    made = Coded(sparse, from_host(gap, X), from_host(converged, X))
    summary = Summary(told.cost, told.gap, told.unused, told.nonzeros, bool(converged.all()))
    state = state._replace(recent=recent, long=long)
    return Moved(state, [made], told.typical, summary, change, kept)


def _folded(
    samples: Samples,
    codes: Rows,
    gap: np.ndarray,
    kept: Kept,
    decayed: tuple[float, float],
    recipe: updates.Recipe,
) -> Any:
    """Write a batch into the memories; return what there is to know of it."""
    from gpudict.solvers.host.kernels import memory

    x, plan = wide(samples.X), cast(Any, recipe.plan)
    weight = ones(len(x)) if samples.weight is None else wide(samples.weight)
    recent, long = (
        memory.Memory(*sums, before / factor, 1 / (samples.total * factor))
        for sums, before, factor in zip(kept[2:4], decayed, kept.factors, strict=True)
    )
    alpha = float(plan.penalty.alpha)  # of the lasso: its solver has no other problem
    least = UNUSED / kept.factors[0]
    told = memory.fold(recent, long, x, weight, tuple(codes), gap, kept.V, alpha, least)
    return memory.Told(*told)


def _coded(X: Array, kept: Kept, recipe: updates.Recipe) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Return the codes in float64, their gaps and whether they converged; few rows as one chunk."""
    request, atoms = Request(to_host(X), kept.V), kept.atoms
    if X.shape[0] * recipe.k <= on_host.ALONE:
        with precise(kept.V), calm(X.shape[0] * kept.V.size):
            return on_host.solved(request, atoms, recipe.plan)[0][:3]
    found = on_host.solve(request, recipe.plan, n_jobs=recipe.n_jobs, sparse=True, known=atoms)
    return found.Z.astype(np.float64), found.gap, found.converged


def _turned(kept: Kept, recipe: updates.Recipe, *, single: bool) -> tuple[Kept, float]:
    """Return what is kept with atoms that have moved, and how far."""
    from gpudict.solvers.host.kernels import products, rows

    V, G, (A, B, _) = kept.V.copy(), kept.atoms.gram, kept.recent
    assert G is not None
    change = sphere_blocks.swept(A, B, V, positive=recipe.positive, single=single)
    products.products(V, V, True, G)
    rows.mirror(G)
    return kept._replace(V=V, atoms=Atoms.of(G, V.shape[1])), change


def _sums(q: Quadratic) -> Sums:
    """Return copies of the sums."""
    A, B, squares = (np.array(to_host(a), np.float64, order="C") for a in (q.gram, q.cov.T, q.sq))
    return A, B, squares


def _quadratic(sums: Sums, like: Quadratic) -> Quadratic:
    """Return a memory in the library and dtype of another one."""
    A, B, squares = sums
    if type(like.sq) is np.ndarray:
        return Quadratic(B.T, squares, A)
    dtype = to_host(like.sq).dtype  # a copy: others' arrays may have one value for good
    return Quadratic(*(from_host(a.astype(dtype), like.sq) for a in (B.T, squares, A)))
