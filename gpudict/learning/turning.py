"""Atoms updated together with the codes of the rows that use them, where the codes are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpudict.arrays.door import Array, array_namespace, from_host, precise, to_host
from gpudict.arrays.phases import phase
from gpudict.arrays.rows import Rows, wide
from gpudict.learning.blocks import Blocks, Coded, Made
from gpudict.learning.codes import Codes, Compressed, Dense
from gpudict.learning.parts import Parts
from gpudict.learning.samples import Samples
from gpudict.learning.updates import DictionaryStep
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.portable.sphere_ksvd import turned


def together(
    parts: Parts, made: Sequence[Made], V: Array, update: DictionaryStep
) -> tuple[Sequence[Made], Array]:
    """Return codes and atoms of which the error is no higher, for codes of one block."""
    assert isinstance(parts, Blocks)
    (block,), (one,) = parts.blocks, made
    assert isinstance(one, Coded)
    turn = _sparse if isinstance(one.codes, Compressed) else _dense
    with phase("update"), precise(V):
        codes, V = turn(one.codes, block.samples, V, update, block.plan.penalty.positive)
    return [one._replace(codes=codes)], V


def _dense(
    codes: Codes, samples: Samples, V: Array, update: DictionaryStep, positive: bool
) -> tuple[Codes, Array]:
    """Turn all rows at once, by their roots of weights."""
    xp, U = array_namespace(V), codes.array()
    root = xp.ones_like(U[:, :1]) if samples.weight is None else xp.sqrt(samples.weight)[:, None]
    X, WU = samples.rooted(), U * root
    q = Quadratic(U, U, None, (xp.matrix_transpose(X), xp.matrix_transpose(WU)))
    state: Any = update.solver.init(q, update.penalty, xp.matrix_transpose(V))
    state = update.solver.step(q, update.penalty, state._replace(positive=positive))
    some = root > 0
    new = xp.where(some, state.U / xp.where(some, root, xp.ones_like(root)), U)
    return Dense(new), xp.matrix_transpose(state.Z)


def _sparse(
    codes: Any, samples: Samples, V: Array, update: DictionaryStep, positive: bool
) -> tuple[Codes, Array]:
    """Turn each atom with the rows that use it, on the host in float64."""
    ends, columns, values = codes.start
    weight = np.ones(len(ends) - 1) if samples.weight is None else wide(samples.weight)
    root, Z = np.sqrt(weight), wide(V).T.copy()
    row = np.repeat(np.arange(len(root)), np.diff(ends))
    U = wide(values) * root[row]
    order = np.argsort(columns, kind="stable")
    places = np.split(order, np.searchsorted(columns[order], np.arange(1, Z.shape[1])))
    R = wide(samples.X) * root[:, None]
    for v, at in zip(Z.T, places, strict=True):
        R[row[at]] -= U[at, None] * v
    for j, at in enumerate(places):
        atom = U[at, None], Z[:, j : j + 1], R[row[at]]
        u, Z[:, j : j + 1], R[row[at]] = turned(update.penalty, *atom, positive=positive)
        U[at] = u[:, 0]
    dtype, kept = values.dtype, root[row] > 0
    new = np.where(kept, U / np.where(kept, root[row], 1), values).astype(dtype)
    atoms = from_host(np.ascontiguousarray(Z.T).astype(to_host(V).dtype), V)
    return codes._replace(start=Rows(ends, columns, new)), atoms
