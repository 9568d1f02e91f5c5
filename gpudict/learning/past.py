"""What online learning starts from where rows are over: a `State` that it left, or `Statistics`."""

from __future__ import annotations

from typing import Any

from gpudict.arrays import check
from gpudict.arrays.door import asarray_like, is_array, to_host
from gpudict.learning.records import State
from gpudict.learning.source import Source
from gpudict.learning.sums import Sums
from gpudict.objective.quadratic import Quadratic, scaled

WHY = "it is about so many features and atoms"


def past_of(past: Any, V: Any, source: Source, k: int) -> State | None:
    """Return what a run begins with, where the rows are; V are the atoms of statistics."""
    if past is None:
        return None
    state = _of_sums(past, V, source.size) if isinstance(past, Sums) else past
    if not isinstance(state, State):
        raise TypeError(
            f"past is a {type(past).__name__}, and what online learning left or Statistics are "
            "needed. Pass learned.past, the past_ of an estimator, or Statistics.of(X, V)."
        )
    if state is past and V is not None:
        raise ValueError("dict_init came with a past that has atoms. Pass one of the two.")
    like, d = source.first.X, source.first.X.shape[1]
    check.shaped(state.long.cov, "past", (d, k), WHY)
    atoms = check.atoms(asarray_like(to_host(state.atoms), like), "dict_init", like=like)
    check.shaped(atoms, "dict_init", (k, d), WHY)
    return state.beside(atoms)


def _of_sums(sums: Sums, V: Any, size: int) -> State:
    """Return the state after the rows of sums, as batches of that size; none moved the atoms V."""
    if not is_array(V):
        raise ValueError(
            "past are Statistics, which have no atoms. Pass those that they were made with as "
            "dict_init, or better ones, past.update(V)."
        )
    memory = scaled(Quadratic(sums.cov, sums.squares, sums.gram), 1 / size)
    used, steps = float(sums.uses.sum()) / sums.rows, max(1, round(sums.total / size))
    return State(V, memory, memory, steps, float(sums.total), used, fresh=1.0)
