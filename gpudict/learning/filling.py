"""Rows of which entries have weights, or are missing: ½‖√w∘(X − UV)‖², with w scaled to [0, 1].

What a weight lacks of 1 is filled in by the fit: X̃ = w∘X + (1 − w)∘UV. For atoms V′ in place of V
the objective is at most ½‖X̃ − UV′‖² and a constant, and equal to it at V. So the statistics of X̃
serve every update of atoms, online and not, and what lowers their quadratic lowers the objective:
Srebro and Jaakkola (2003), Weighted low-rank approximations, section 3.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.door import Array, array_namespace, from_host, precise, to_host
from gpudict.arrays.rows import Rows, wide
from gpudict.learning.codes import Codes
from gpudict.learning.samples import Samples

GROUP = 2**12  # rows whose codes are dense at a time


def filled(samples: Samples, codes: Codes, V: Array, *, rooted: bool = False) -> Samples:
    """Return samples w∘x + (1 − w)∘uV of which no entry has a weight; those that have none as is.

    If `rooted`, with √w in place of w, unscaled: ½‖· − uV‖² is the cost of a row then.
    """
    X, weight, total, entries, top = samples
    if entries is None:
        return samples
    share = array_namespace(X).sqrt(entries) if rooted else entries / top
    fit = _fit(codes.start, V)
    return Samples(fit + share * (X - fit), weight, total)


def _fit(U: Array | Rows, V: Array) -> Array:
    """Return UV, (n, d), in the dtype of V."""
    with precise(V):
        if not isinstance(U, Rows):
            return U @ V
        atoms, n = wide(V), len(U.ends) - 1
        cuts = (U.cut(slice(low, min(low + GROUP, n))) for low in range(0, n, GROUP))
        parts = [part.astype(np.float64).dense(len(atoms)) @ atoms for part in cuts]
        return from_host(np.concatenate(parts).astype(to_host(V).dtype, copy=False), V)
