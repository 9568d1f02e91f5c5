"""The lasso's certificate by two kernels and a product between them.

    r = x − u V in float64 (`residual.cu`),   V r in the dtype of the data,   the gap (`bound.cu`)

It is that of `L1.certificate`, but for V r: what the product's rounding may hide is added to it, so
the bound holds, and is further off by that rounding relative to alpha‖u‖₁. Nothing of the size of
the codes is made or read in float64, of which many cards do little.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.l1 import SumOfSizes
from gpudict.objective.penalties.norm import rounding
from gpudict.objective.quadratic import Quadratic, diagonal
from gpudict.solvers.constants import SUMS
from gpudict.solvers.cuda._launch import ints, launch

FEW = 64  # features, for which a lane has two places: eight for more


def certificate(q: Quadratic, penalty: SumOfSizes, Z: Array) -> tuple[Array, Array] | None:
    """Return the gap of each row and ‖x‖², (n,) in float64; None where X and V are not known."""
    if q.factors is None:
        return None
    (X, V), xp = q.factors, array_namespace(Z)
    (n, k), d, where = Z.shape, X.shape[1], {"device": Z.device}
    norms = xp.sqrt(diagonal(q))
    R = xp.empty((n, d), dtype=Z.dtype, **where)
    sums = xp.empty((n, SUMS), dtype=xp.float64, **where)
    gap = xp.empty((n,), dtype=xp.float64, **where)
    arrays = (X, V, Z, norms, R, sums)
    launch("residual", X, (*arrays, *ints(n, d, k)), slots=1 if d <= FEW else 2)
    corr = R @ xp.matrix_transpose(V)
    kind, wide = xp.finfo(Z.dtype), xp.finfo(xp.float64)
    tight, loose = (rounding(d, float(a.eps)) for a in (wide, kind))
    loose += 2 * float(kind.eps)  # of the sum that the kernel makes
    lost = 4 * d * float(kind.smallest_normal)  # what is flushed to 0
    alphas = penalty.alphas(gap)
    numbers = (*ints(n, k, penalty.positive), *(np.float64(v) for v in (tight, loose, lost)))
    launch("bound", corr, (corr, sums, norms, alphas, gap, *numbers))
    return gap, sums[:, 0]
