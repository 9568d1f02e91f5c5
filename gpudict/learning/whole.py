"""A step of online learning on the host, in place: on what the step before left.

Of a small batch the parts of a step take some microseconds each, and calls between them longer; and
with many atoms, to make memories anew takes longer than to code a batch. So memories, and the Gram
of the atoms, are written in place. It is the step of `online` by parts, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gpudict.arrays.door import Array, from_host, to_host
from gpudict.learning import updates
from gpudict.learning.apart import is_apart
from gpudict.learning.blocks import Coded, Made
from gpudict.learning.codes import ALONE, Compressed
from gpudict.learning.forgetting import Turn
from gpudict.learning.in_place import Batch, found
from gpudict.learning.kept import Kept, quadratic_of
from gpudict.learning.records import State, Summary
from gpudict.learning.samples import Samples
from gpudict.solvers.host import active_set, sphere_blocks

COMPILED = (active_set.SOLVER, sphere_blocks.SOLVER)  # what solves for codes, and for atoms


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
    small = n <= ALONE and k * k * d <= updates.ALONE
    with_gram = not is_apart(state.recent)  # COMPILED take no weights of entries
    compiled = compiled and not recipe.plan.penalty.reduces
    return compiled and small and with_gram and state.step > 0 and not recipe.devices


def moved(
    state: State, samples: Samples, recipe: updates.Recipe, turn: Turn, kept: Kept | None
) -> Moved:
    """Code a batch, let the memories decay and add it, let the atoms move if it is their turn."""
    X, kept = samples.X, kept or Kept.of(state)
    decayed = (kept.factors[0] * turn.keeps[0], kept.factors[1] * turn.keeps[1])
    kept = Kept(*kept[:4], (1.0, 1.0) if turn.sweeps else decayed)
    now = found(Batch.of(samples, kept, decayed, recipe, turn.sweeps))
    kept, codes, gap, converged, told, change = now
    dtype, atoms = to_host(X).dtype, state.atoms
    if turn.sweeps:
        atoms = from_host(kept.V.astype(dtype, copy=False), X)
    recent, long = quadratic_of(kept.recent, state.recent), quadratic_of(kept.long, state.long)
    sparse = Compressed(codes.astype(dtype), atoms, recipe.n_jobs)
    made = Coded(sparse, from_host(gap, X), from_host(converged, X))
    summary = Summary(told.cost, told.gap, told.unused, told.nonzeros, bool(converged.all()))
    state = State(atoms, recent, long, *state[3:])
    return Moved(state, [made], told.typical, summary, change, kept)
