"""How near approximations x̂ are to rows x: sums over rows, merged as Chan, Golub and LeVeque do.

No offset of the data cancels: the scatter of a batch is about its own mean.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, divisor, float64_of, read, to_host


class Reconstruction(NamedTuple):
    """Sums over rows, on the host in float64.

    Attributes
    ----------
    rows : how many
    mean : (d,), of x
    scatter : Σ ‖x − mean‖²
    error : Σ ‖x − x̂‖²
    cosine : Σ ⟨x, x̂⟩ / ‖x‖‖x̂‖, with 0 where one of them is 0
    ratio : Σ ‖x̂‖ / ‖x‖, with 0 where x is 0
    """

    rows: int
    mean: np.ndarray
    scatter: float
    error: float
    cosine: float
    ratio: float

    @classmethod
    def of(cls, X: Array, approximation: Array) -> Reconstruction:
        """Return the sums over rows (b, d) and what stands for them."""
        xp, dtype = array_namespace(X), float64_of(X) or X.dtype
        X, Y = (xp.astype(a, dtype, copy=False) for a in (X, approximation))
        mean = xp.mean(X, axis=0)
        far, error = X - mean, X - Y
        length, reached = (xp.sqrt(xp.sum(a * a, axis=1)) for a in (X, Y))
        cosine = xp.sum(X * Y, axis=1) / (divisor(length) * divisor(reached))
        ratio = xp.where(length > 0, reached, xp.zeros_like(reached)) / divisor(length)
        sums = (far * far, error * error, cosine, ratio)
        return cls(X.shape[0], _host(mean), *read(*(xp.sum(a) for a in sums)))

    def merge(self, *others: Reconstruction) -> Reconstruction:
        """Return the sums over these rows and others."""
        return reduce(_merged, others, self)

    @property
    def explained_variance(self) -> float:
        """1 − error / scatter; of rows that are all alike 1 or 0, as scikit-learn's scores."""
        return 1 - self.error / self.scatter if self.scatter else float(self.error == 0)


def _merged(one: Reconstruction, other: Reconstruction) -> Reconstruction:
    n = one.rows + other.rows
    ahead = other.mean - one.mean
    mean = one.mean + ahead * (other.rows / n)
    between = float(ahead @ ahead) * one.rows * other.rows / n
    scatter, *sums = (a + b for a, b in zip(one[2:], other[2:], strict=True))
    return Reconstruction(n, mean, scatter + between, *sums)


def _host(mean: Array) -> np.ndarray:
    return np.asarray(to_host(mean), np.float64)
