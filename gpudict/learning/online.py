"""Online dictionary learning: a mini-batch at a time, the past kept in quadratics.

    A ← (1 − r) A + UᵀU / b,   B ← (1 − r) B + UᵀX / b,   then V ← the update for (A, B)

Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1, with
the memories of `forgetting` in place of its section 3.4.2. The state is a value: `step` maps it and
a batch to the next, so training can stop, be saved, and go on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, copied, float64_of, read, to_host
from gpudict.learning.atoms import given, revived, sampled, start, unused
from gpudict.learning.blocks import Blocks, Coded, code_of, gap_of, own
from gpudict.learning.forgetting import anchor, shares
from gpudict.learning.records import Progress, State, Summary
from gpudict.learning.samples import Samples
from gpudict.learning.updates import DictionaryStep, Recipe, memory_to_learn
from gpudict.objective.quadratic import Quadratic, accumulate, anchored, astype, scaled


class Step(NamedTuple):
    """One step as it happens; `change` is ‖V − V₋‖_F of the atoms that code the batches.

    `made` are the codes of the batch, each block's where it is, `progress.objective` the cost a
    sample, and `last` says that no other step follows.
    """

    state: State
    update: DictionaryStep
    made: Sequence[Coded]
    converged: bool
    change: float
    progress: Progress
    last: bool = False

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

    def shown(self) -> Step:
        """Return what a callback may write into: learning goes on from other arrays."""
        atoms, recent, long, step, seen, used = self.state
        recent, long = (Quadratic(*(copied(a) for a in q[:3])) for q in (recent, long))
        state = State(copied(atoms), recent, long, step, seen, used)
        return self._replace(state=state, made=own(self.made, atoms))


def begin(samples: Samples, recipe: Recipe, dict_init: Any, rng: Any) -> State:
    """Return the state before the first batch; its past is ½‖V − V₀‖², as yet without a weight.

    By default the atoms are singular vectors of a sample where they suffice, else samples, which
    end lower then. Copies of few samples are not held.
    """
    with memory_to_learn(samples.X, recipe):
        k, d = recipe.k, samples.X.shape[1]
        usual = "svd" if k < d else "data"
        first = given(usual if dict_init is None else dict_init, samples.X)
        some = sampled(samples, k, rng) if isinstance(first, str) else samples
        V, _ = start(some, k, first, None, rng, positive=recipe.positive)
        xp, place = array_namespace(V), {"device": V.device}
        dtype = float64_of(V) or V.dtype
        zeros = (xp.zeros(s, dtype=dtype, **place) for s in ((d, k), (d,), (k, k)))
        copies = isinstance(first, str) and samples.X.shape[0] < k
        held = xp.full(k, not copies, dtype=xp.bool, **place)
        past = anchored(Quadratic(*zeros), held, V, 1.0)
        return State(V, past, past, 0, 0.0, 0.0)


def step(state: State, samples: Samples, recipe: Recipe, rng: Any) -> Step:
    """Code a batch, fold it into the past, update the atoms; two waits beyond the solver's."""
    with memory_to_learn(samples.X, recipe):
        began, (X, _, size) = time.perf_counter(), samples
        before, square = state.atoms, samples.squares()
        scale = samples.typical(square)
        blocks = Blocks.of(samples, square, recipe)
        there = blocks.everywhere(before)
        made, now = blocks.coded(there, blocks.taken(None))
        recent, long = folded(state, now, size, scale)
        V, dead = recipe.update(recent, before), unused(recent, scale)
        summary = Summary.of(blocks.told(there, made), dead, blocks.nonzeros(made))
        if summary.unused:
            V = revived(V, to_host(dead), samples, rng, positive=recipe.positive)
            recent, long = (anchored(q, dead, V, anchor(size) * scale) for q in (recent, long))
        (change,) = read(array_namespace(X).sqrt(array_namespace(X).sum((V - before) ** 2)))
        seconds = time.perf_counter() - began
        progress = Progress(state.step, summary.cost / size, summary.gap, summary.unused, seconds)
        used = smoothed(state, summary.nonzeros / size)
        after = State(V, recent, long, state.step + 1, state.seen + size, used)
        return Step(after, recipe.update, made, summary.converged, change, progress)


def folded(state: State, now: Quadratic, size: float, scale: Array) -> list[Quadratic]:
    """Return the recent and the long memory with the sums of a batch of a typical ‖x‖² in them.

    They are in float64 where there is: with a share of 1/t, float32 would round a part of t away.
    """
    if state.step:
        kept = [1 - share for share in shares(size, state.seen, state.used, state.atoms.shape[0])]
    else:
        kept = [anchor(size) * scale] * 2
    each = scaled(astype(now, float64_of(now.cov) or now.cov.dtype), 1 / size)
    memories = zip((state.recent, state.long), kept, strict=True)
    return [accumulate(q, each, forget=keep) for q, keep in memories]


def smoothed(state: State, used: float) -> float:
    """Return the non-zeros a sample, smoothed over some ten batches."""
    return state.used + (used - state.used) / min(state.step + 1, 10)


def dictionary_of(state: State, update: DictionaryStep) -> Array:
    """Return the dictionary: the atoms after one update for the long memory, (k, d)."""
    return update(state.long, state.atoms) if state.step else state.atoms
