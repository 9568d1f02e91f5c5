"""Online dictionary learning: a mini-batch at a time, the past kept in quadratics.

    A ← (1 − r) A + UᵀU / b,   B ← (1 − r) B + UᵀX / b,   then V ← the update for (A, B)

Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1, with
the memories of `forgetting` in place of its section 3.4.2, and those of `apart` for many atoms. The
state is a value: `step` maps it and a batch to the next, so training can stop, be saved, and go on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, copied, float64_of, read, to_host
from gpudict.learning import apart
from gpudict.learning.atoms import enough, given, revived, sampled, start, unused
from gpudict.learning.blocks import Made, code_of, gap_of, own
from gpudict.learning.far import Far
from gpudict.learning.forgetting import Turn, anchor, shares, sweeps, turn_after
from gpudict.learning.kept import Kept, settled
from gpudict.learning.parts import parts_of
from gpudict.learning.records import Progress, State, Summary
from gpudict.learning.samples import Samples
from gpudict.learning.updates import DictionaryStep, Recipe, memory_to_learn
from gpudict.learning.whole import Moved, fits, moved
from gpudict.objective.quadratic import Quadratic, accumulate, anchored, astype, scaled


class Step(NamedTuple):
    """One step as it happens; `change` is ‖V − V₋‖_F of the atoms, inf where it was not their turn.

    `made` are the codes of the batch, each block's where it is, `progress.objective` the cost a
    sample, and `last` says that no other step follows. `kept` is what the next step may write into.
    """

    state: State
    update: DictionaryStep
    made: Sequence[Made]
    converged: bool
    change: float
    progress: Progress
    last: bool = False
    kept: Kept | None = None

    @property
    def dictionary(self) -> Array:
        """The dictionary so far, (k, d), made when it is asked for."""
        return dictionary_of(self.state, self.update)

    @property
    def code(self) -> Array:
        """The codes as an array (b, k), copied when it is asked for."""
        return copied(code_of(self.made, self.state.atoms))

    @property
    def gap(self) -> Array:
        """The gap of each row of the batch, (b,)."""
        return gap_of(self.made, self.state.atoms)

    def settled(self) -> Step:
        """Return it with all that has decayed in its state, which no step writes into then."""
        return self._replace(state=settled(self.state, self.kept), kept=None)

    def shown(self) -> Step:
        """Return what a callback may write into: learning goes on from other arrays."""
        state, V = self.settled().state, copied(self.state.atoms)
        recent, long = state[1:3]
        if state is self.state:  # or its memories are copies already
            recent, long = (Quadratic(*map(copied, q[:3])) for q in (recent, long))
        state = State(V, recent, long, *state[3:])
        return self._replace(state=state, made=own(self.made, V), kept=None)


def begin(samples: Samples | Far, recipe: Recipe, dict_init: Any, rng: Any) -> State:
    """Return the state before the first batch; its past is ½‖V − V₀‖², as yet without a weight.

    By default the atoms are singular vectors of a sample where they suffice, else samples, which
    end lower then. Copies of few samples are not held.
    """
    with memory_to_learn(samples.X, recipe):
        k, d = recipe.k, samples.X.shape[1]
        usual = "svd" if k < d else "data"
        first = given(usual if dict_init is None else dict_init, samples.X)
        V = first_atoms(samples, first, recipe, rng)
        xp, place = array_namespace(V), {"device": V.device}
        dtype = float64_of(V) or V.dtype
        gram = (k,) if apart.wanted(recipe) and isinstance(samples, Samples) else (k, k)
        zeros = (xp.zeros(s, dtype=dtype, **place) for s in ((d, k), (d,), gram))
        copies = isinstance(first, str) and samples.X.shape[0] < k
        held = xp.full(k, not copies, dtype=xp.bool, **place)
        past = anchored(Quadratic(*zeros), held, V, 1.0)
        return State(V, past, past, 0, 0.0, 0.0)


def first_atoms(samples: Samples | Far, first: Any, recipe: Recipe, rng: Any) -> Array:
    """Return unit atoms (k, d) from some of the samples, or from those that were given."""
    k, positive = recipe.k, recipe.positive
    if not isinstance(samples, Samples):
        return samples.started(enough(samples.X, k), first, k, rng, positive=positive)
    some = sampled(samples, k, rng) if isinstance(first, str) else samples
    return start(some, k, first, None, rng, positive=positive)[0]


def step(
    state: State, samples: Samples | Far, recipe: Recipe, rng: Any, kept: Kept | None = None
) -> Step:
    """Code a batch, fold it into the past, update the atoms; two waits beyond the solver's.

    Of many atoms two or more others, for each step of theirs is looked at.
    What the step before has `kept` of its state is written into: the state is then gone.
    """
    with memory_to_learn(samples.X, recipe):
        began, size, turn = time.perf_counter(), samples.total, turn_of(state, samples.total)
        if isinstance(samples, Samples) and fits(state, samples, recipe):
            now = moved(state, samples, recipe, turn, kept)
        else:
            now = by_parts(settled(state, kept), samples, recipe, turn)
        after, made, scale, summary, change, kept = now
        if summary.unused:
            after, change, kept = settled(after, kept), None, None
            after = renewed(after, samples, scale, rng, positive=recipe.positive)
        if change is None:
            change = distance(after.atoms, state.atoms)
        seconds = time.perf_counter() - began
        progress = Progress(state.step, summary.cost / size, summary.gap, summary.unused, seconds)
        used = smoothed(state, summary.nonzeros / size)
        after = State(*after[:3], state.step + 1, state.seen + size, used, turn.fresh)
        return Step(after, recipe.update, made, summary.converged, change, progress, kept=kept)


def turn_of(state: State, size: float) -> Turn:
    """Return what is kept of the memories beside a batch, and how far the atoms move after it."""
    known = (size, state.seen, state.used, state.atoms.shape[0])
    return turn_after(shares(*known), sweeps(*known), state.fresh)


def by_parts(state: State, samples: Samples | Far, recipe: Recipe, turn: Turn) -> Moved:
    """Move the atoms part by part, on arrays of any library."""
    V, blocks, size = state.atoms, parts_of(samples, recipe), samples.total
    there, each = blocks.everywhere(V), apart.is_apart(state.recent)
    made, now = blocks.coded(there, blocks.taken(None), each=each)
    scale = blocks.scale(made)
    now, recent, long = folded(state, now, size, scale, turn)
    told, dead = blocks.told(there, made), unused(recent, scale)
    summary = Summary.of(told, dead, blocks.nonzeros(made))

    def cost(V: Array) -> float:
        told = blocks.told(blocks.everywhere(V), made)
        return sum(read(*(one.cost for one in told))) / size

    if each and turn.sweeps:
        V = apart.descended(recipe.update, recent, now, V, cost)
    else:
        for _ in range(turn.sweeps):
            V = recipe.update(recent, V)
    after = state._replace(atoms=V, recent=recent, long=long)
    return Moved(after, made, scale, summary)


def folded(state: State, now: Quadratic, size: float, scale: Array, turn: Turn) -> list[Quadratic]:
    """Return the sums of a batch by its size, and the recent and the long memory with them.

    `scale` is a typical ‖x‖². They are in float64 where there is: with a share of 1/t, float32
    would round a part of t away.
    """
    keeps = turn.keeps if state.step else [anchor(size) * scale] * 2
    each = scaled(astype(now, float64_of(now.cov) or now.cov.dtype), 1 / size)
    memories = zip((state.recent, state.long), keeps, strict=True)
    return [each, *(accumulate(q, each, forget=keep) for q, keep in memories)]


def renewed(
    state: State, samples: Samples | Far, scale: Array | float, rng: Any, *, positive: bool
) -> State:
    """Return the state with samples in place of atoms that no code uses, held where they are."""
    dead = unused(state.recent, scale)
    gone, V = to_host(dead), state.atoms
    if isinstance(samples, Samples):
        V = revived(V, gone, samples, rng, positive=positive)
    else:
        V = samples.revived(V, gone, rng, positive=positive)
    weight = anchor(samples.total) * scale
    recent, long = (anchored(q, dead, V, weight) for q in (state.recent, state.long))
    return state._replace(atoms=V, recent=recent, long=long)


def distance(V: Array, before: Array) -> float:
    """Return ‖V − V₋‖_F, and inf where it is not known for V stayed; it waits for the device."""
    if V is before:
        return math.inf
    xp = array_namespace(V)
    return read(xp.sqrt(xp.sum((V - before) ** 2)))[0]


def smoothed(state: State, used: float) -> float:
    """Return the non-zeros a sample, smoothed over some ten batches."""
    return state.used + (used - state.used) / min(state.step + 1, 10)


def dictionary_of(state: State, update: DictionaryStep) -> Array:
    """Return the dictionary: the atoms after one update for the long memory, (k, d)."""
    return update(state.long, state.atoms) if state.step else state.atoms
