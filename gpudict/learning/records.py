"""What learning returns, and what it remembers: one record an iteration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, asarray_like, float64_of, read, to_host
from gpudict.objective.quadratic import Quadratic, accumulate


class Progress(NamedTuple):
    """One iteration of a learner, or step of an online one.

    Attributes
    ----------
    iteration : counted from 0
    objective : ½‖X − UV‖² + alpha·‖U‖₁; of the mini-batch, per sample, when learning online
    gap : the largest gap of a row's code, relative to ½‖x‖²
    unused : atoms that no code used, revived before the next iteration
    seconds : wall time since the start
    """

    iteration: int
    objective: float
    gap: float
    unused: int
    seconds: float


class State(NamedTuple):
    """What online learning goes on from.

    Attributes
    ----------
    atoms : (k, d), by which the next batch is coded
    recent : the statistics of the last batches, which the atoms follow
    long : the statistics of more batches, which the dictionary follows
    step : batches so far
    seen : samples so far, by their weights
    used : non-zeros a sample, smoothed over some ten batches
    fresh : the share of the recent memory that is newer than the atoms
    """

    atoms: Array
    recent: Quadratic
    long: Quadratic
    step: int
    seen: float
    used: float
    fresh: float = 0.0

    @classmethod
    def of_sums(cls, atoms: Array, past: Quadratic, steps: int, size: int) -> State:
        """Return what there is to go on from where only one memory of `steps` batches was kept."""
        return cls(atoms, past, past, steps, float(steps * size), 0.0)

    def beside(self, V: Array) -> State:
        """Return it with the atoms V, its sums where they are, in float64 where there is."""
        dtype = float64_of(V) or V.dtype

        def there(q: Quadratic) -> Quadratic:
            return Quadratic(*(asarray_like(to_host(a), V, dtype) for a in q[:3]))

        return self._replace(atoms=V, recent=there(self.recent), long=there(self.long))

    def merge(self, *others: State) -> State:
        """Return what there is to go on from after the rows of all: the memories are added.

        Parameters
        ----------
        *others : State
            Of other rows, anywhere, learned in batches of one size from the same atoms: these are
            told apart by their numbers alone. Those of this one stay until the next batch.

        Returns
        -------
        State
            Where this one is.
        """
        for other in others:
            if not isinstance(other, State):
                raise TypeError(
                    f"a {type(other).__name__} came in the place of a past, and they are merged "
                    "one by one. Of a list of some, call first.merge(*others)."
                )
            parts = (self.long[:3], other.long[:3])
            shapes = [[tuple(a.shape) for a in q if a is not None] for q in parts]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"a past of {other.atoms.shape[0]} atoms came beside one of "
                    f"{self.atoms.shape[0]}, and sums of the shapes {shapes[1]} can't be added to "
                    f"{shapes[0]}. Merge those of one problem."
                )
        states = [state.beside(self.atoms) for state in (self, *others) if state.seen]
        if not states:
            return self
        recent, long = (
            reduce(accumulate, sums)
            for sums in zip(*((state.recent, state.long) for state in states), strict=True)
        )
        step, seen = sum(state.step for state in states), sum(state.seen for state in states)
        used = sum(state.used * state.seen for state in states) / seen
        fresh = 1 - (1 - self.fresh) * self.seen / seen
        return State(self.atoms, recent, long, step, seen, used, fresh)


class Learned(NamedTuple):
    """A learned dictionary.

    Attributes
    ----------
    dictionary : (k, d), atoms of norm 1 in rows
    code : (n, k); None from online learning, and where rows are read as they are needed
    objective : (n_iter,), ½‖X − UV‖² + alpha·‖U‖₁ after each iteration (online: of each
        mini-batch, per sample); dictionary and code are of the lowest
    gap : (n,), how far each row's code is, at most, from the optimum for the dictionary that it was
        computed with; None where there is no code
    converged : whether the codes of every iteration reached their tolerance
    n_iter : iterations made
    history : list of Progress
    past : the `State` that online learning goes on from; None from batch learning
    alpha : the weight of ‖U‖₁, as given or as found for a target; None where there is none
    """

    dictionary: Array
    code: Array | None
    objective: Array
    gap: Array | None
    converged: bool
    n_iter: int
    history: list[Progress]
    past: State | None = None
    alpha: float | None = None


class Summary(NamedTuple):
    """What the host learns of an iteration: cost, largest relative gap, unused atoms, and codes.

    Of the codes, the sum of their non-zeros by the samples' weights where it was asked for, and
    whether all converged.
    """

    cost: float
    gap: float
    unused: int
    nonzeros: float
    converged: bool

    @classmethod
    def of(
        cls, told: Sequence[tuple[Array, ...]], dead: Array, nonzeros: Sequence[Array] = ()
    ) -> Summary:
        """Read what each block tells, the dead atoms and non-zeros; one wait."""
        xp, numbers = array_namespace(dead), [number for one in told for number in one]
        unused, *rest = read(xp.sum(xp.astype(dead, numbers[0].dtype)), *numbers, *nonzeros)
        used = rest[len(numbers) :]
        costs, gaps, converged = (rest[i : len(numbers) : 3] for i in range(3))
        return cls(sum(costs), max(gaps), round(unused), sum(used), all(converged))


def objectives(history: list[Progress], like: Array) -> Array:
    """Return the objective of each iteration as a vector in the place and dtype of `like`."""
    return asarray_like(np.asarray([h.objective for h in history], dtype=np.float64), like)
