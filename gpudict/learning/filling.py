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


def filled(samples: Samples, codes: Codes, V: Array) -> Samples:
    """Return samples w∘x + (1 − w)∘uV whose entries have no weights; those that have none as is."""
    X, weight, total, entries, top = samples
    if entries is None:
        return samples
    fit = _fit(codes.start, V)
    return Samples(fit + entries / top * (X - fit), weight, total)


def missed(samples: Samples, codes: Codes, V: Array) -> tuple[Array, Array]:
    """Return rows and atoms of which the cost of the codes is that of the samples and of V.

    With weights they are √w∘(x − uV) and zeros: what is small is not added to what is large.
    """
    X, entries = samples.X, samples.entries
    if entries is None:
        return X, V
    xp = array_namespace(X)
    return xp.sqrt(entries) * (X - _fit(codes.start, V)), xp.zeros_like(V)


def _fit(U: Array | Rows, V: Array) -> Array:
    """Return UV, (n, d), in the dtype of V."""
    with precise(V):
        if not isinstance(U, Rows):
            return U @ V
        atoms, n = wide(V), len(U.ends) - 1
        cuts = (U.cut(slice(low, min(low + GROUP, n))) for low in range(0, n, GROUP))
        parts = [part.astype(np.float64).dense(len(atoms)) @ atoms for part in cuts]
        return from_host(np.concatenate(parts).astype(to_host(V).dtype, copy=False), V)
