"""Online dictionary learning: a mini-batch at a time, the past kept as one quadratic.

    A ← β A + UᵀU / b,   B ← β B + UᵀX / b,   then V ← the update for (A, B)

Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1 with
the forgetting of its section 3.4.2, as the codes of early batches belong to atoms long gone. The
state is a value: `step` maps it and a batch to the next, so training can stop, be saved, and go on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, copied, read, to_host
from gpudict.learning.atoms import revived, start, unused
from gpudict.learning.blocks import Blocks, Coded, code_of, gap_of, own
from gpudict.learning.records import Progress, Summary
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe, memory_to_learn
from gpudict.objective.quadratic import Quadratic, accumulate

FORGETTING = 4  # ρ: about the last quarter of the batches counts; less is slower, more is noisier


class State(NamedTuple):
    """The atoms (k, d), the quadratic of all batches so far, and how many there were."""

    dictionary: Array
    past: Quadratic
    step: int


class Step(NamedTuple):
    """One step as it happens; `change` is ‖V − V₋‖_F, `progress.objective` the cost a sample.

    `made` are the codes of the batch, each block's where it is, and `last` says that no other step
    follows.
    """

    state: State
    made: Sequence[Coded]
    converged: bool
    change: float
    progress: Progress
    last: bool = False

    @property
    def dictionary(self) -> Array:
        """The updated atoms."""
        return self.state.dictionary

    @property
    def code(self) -> Array:
        """The codes as an array (b, k), copied when it is asked for."""
        return copied(code_of(self.made, self.dictionary))

    @property
    def gap(self) -> Array:
        """The gap of each row of the batch, (b,)."""
        return gap_of(self.made, self.dictionary)

    def shown(self, *, last: bool) -> Step:
        """Return what a callback may write into: learning goes on from other arrays."""
        past = Quadratic(*(copied(a) for a in (self.state.past[:3])))
        state = self.state._replace(dictionary=copied(self.dictionary), past=past)
        return self._replace(state=state, made=own(self.made, self.dictionary), last=last)


def begin(samples: Samples, recipe: Recipe, dict_init: Any, rng: Any) -> State:
    """Return the state before the first batch."""
    with memory_to_learn(samples.X, recipe):
        V, _ = start(samples, recipe.k, dict_init, None, rng, positive=recipe.positive)
        xp, (k, d) = array_namespace(V), V.shape
        zeros = (xp.zeros(s, dtype=V.dtype, device=V.device) for s in ((d, k), (d,), (k, k)))
        return State(V, Quadratic(*zeros), 0)


def step(state: State, samples: Samples, recipe: Recipe, rng: Any) -> Step:
    """Code a batch, fold it into the past, update the atoms; two waits beyond the solver's."""
    with memory_to_learn(samples.X, recipe):
        began, (X, _, size) = time.perf_counter(), samples
        before, square = state.dictionary, samples.squares()
        blocks = Blocks.of(samples, square, recipe)
        there = blocks.everywhere(before)
        made, now = blocks.coded(there, blocks.taken(None))
        beta = forget(state.step)
        past = accumulate(state.past, now, forget=beta, share=1 / size)
        V, dead = recipe.update(past, before), unused(past, samples.typical(square))
        summary = Summary.of(blocks.told(there, made), dead)
        if summary.unused:
            V = revived(V, to_host(dead), samples, rng, positive=recipe.positive)
        (change,) = read(array_namespace(X).sqrt(array_namespace(X).sum((V - before) ** 2)))
        seconds = time.perf_counter() - began
        progress = Progress(state.step, summary.cost / size, summary.gap, summary.unused, seconds)
        after = State(V, past, state.step + 1)
        return Step(after, made, summary.converged, change, progress)


def forget(step: int) -> float:
    """Return the weight β of the past before batch number `step`, from 0: a batch counts as t^ρ."""
    return (step / (step + 1)) ** FORGETTING
