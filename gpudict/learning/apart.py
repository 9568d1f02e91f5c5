"""The past of many atoms: each has a quadratic of its own, in which the others stay as they were.

    a ← (1 − r) a + diag(UᵀU) / b,   C ← (1 − r) C + (Uᵀ(X − UV) + diag(UᵀU) V) / b,   V_j ∝ C_j

What `online` keeps, A = UᵀU, has k² numbers, and for many atoms that is more than all else. But the
gradient of a batch at the atoms V that coded it, AV − B = Uᵀ(UV − X), is k × d and asks for no A.
So of each batch the gradient is kept, and of A its diagonal: a `Quadratic` whose gram is (k,) and
whose cov is Cᵀ, which adds up and fades as any other. It is a sum of surrogates of the objective:
Mairal (2013), https://arxiv.org/abs/1306.4650.

As a surrogate the diagonal is not above A. For a row of ν non-zeros u uᵀ ≼ ν diag(u²), so ν times
the diagonal is; but atoms would move ν times as slowly, and once is mostly enough, as the signs of
codes cancel. So a step by the diagonal is looked at, and where the objective of the batch and the
past would rise, the atoms that are there get as much weight as it takes (`descended`). Of rows in
chunks (`far`) the codes are out of reach and no step can be looked at: A is kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpudict.arrays.door import Array, array_namespace, from_host, precise, read, to_host
from gpudict.arrays.rows import wide
from gpudict.learning.codes import Codes, Compressed, ones
from gpudict.learning.samples import Samples
from gpudict.learning.updates import DictionaryStep, Recipe
from gpudict.objective.quadratic import Quadratic

MANY = 8192  # atoms up to which A is kept: its k² numbers are 0.5 GB then, in float64


def wanted(recipe: Recipe) -> bool:
    """Whether no A is to be kept: of many atoms, unless a sweep over them is asked for by name."""
    return recipe.k > MANY and recipe.update.name != "sweep"


def is_apart(q: Quadratic) -> bool:
    """Whether a memory has no A, but the diagonal."""
    return q.gram is not None and q.gram.ndim == 1


def sums(codes: Codes, samples: Samples, V: Array) -> Quadratic:
    """Return the quadratic of each atom for codes over the atoms V: its cov is what rows leave it.

    That is x − Σ_{i≠j} u_i V_i for atom j, times u_j and the sample's weight, summed over rows.
    """
    if isinstance(codes, Compressed):
        return _of_rows(codes, samples, V)
    X, weight, U = samples.X, samples.weight, codes.array()
    xp = array_namespace(X)
    with precise(X):
        R = X - U @ V
        WX, WR = (a if weight is None else weight[:, None] * a for a in (X, R))
        own = xp.sum(U * U, axis=0) if weight is None else weight @ (U * U)
        cov = xp.matrix_transpose(WR) @ U + xp.matrix_transpose(V) * own
    return Quadratic(cov, xp.sum(X * WX, axis=0), own)


def _of_rows(codes: Compressed, samples: Samples, V: Array) -> Quadratic:
    """Return it for compressed rows, in float64."""
    from gpudict.solvers.host.kernels import rows

    x, atoms, (k, d) = to_host(samples.X), wide(V), V.shape
    weight = ones(len(x)) if samples.weight is None else wide(samples.weight)
    own, C, squares = np.zeros(k), np.zeros((k, d)), np.zeros(d)
    rows.add_apart(*codes.start.astype(np.float64), wide(x), weight, atoms, own, C, squares)
    return Quadratic(*(from_host(a, samples.X) for a in (C.T, squares, own)))


def descended(
    update: DictionaryStep,
    recent: Quadratic,
    now: Quadratic,
    V: Array,
    cost: Callable[[Array], float],
) -> Array:
    """Return atoms for which the cost of the batch and of what was kept before it does not rise.

    Parameters
    ----------
    update : makes atoms of a memory
    recent, now : the memory with the batch in it, and the batch, in the same units
    V : the atoms that coded the batch
    cost : of the codes of the batch for atoms, in these units
    """
    assert now.gram is not None
    xp, most = array_namespace(V), V.shape[1]  # as many non-zeros as a code has, or more

    def value(atoms: Array) -> float:
        Z = xp.matrix_transpose(atoms)
        batch, both = read(*(xp.sum(xp.vecdot(q.cov, Z, axis=-2)) for q in (now, recent)))
        return cost(atoms) - (both - batch)

    before, more, q = value(V), 0, recent
    while True:
        after = update(q, V)
        if more >= most or value(after) <= before:
            return after
        more = 2 * more + 1
        q = recent._replace(cov=recent.cov + xp.matrix_transpose(V) * (more * now.gram))
