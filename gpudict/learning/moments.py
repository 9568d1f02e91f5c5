"""What inner products of centred features are made of: weight, mean and scatter of rows, merged.

Sparse PCA learns from the columns of centred rows, d points, and sees of them the inner products
S = Σ w (x − μ)(x − μ)ᵀ alone. Of any L (d, r) with L Lᵀ = S it learns the same components, and
r ≤ d however many rows there were. A batch is centred at its own mean, and sums are merged by

    S = S₁ + S₂ + (μ₂ − μ₁)(μ₂ − μ₁)ᵀ w₁w₂ / (w₁ + w₂),

in which no offset of the data cancels: Chan, Golub and LeVeque (1983),
https://doi.org/10.1080/00031305.1983.10483115.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    divisor,
    float64_of,
    precise,
    read,
    to_host,
)
from gpudict.learning.row_space import triangle
from gpudict.learning.samples import Samples


class Moments(NamedTuple):
    """Of rows, where they are, in float64 where there is: what their centred Gram needs.

    Attributes
    ----------
    rows : how many there are
    total : the sum of their weights
    origin : (d,), a point near the mean: rows are exact to their last digits when seen from it
    ahead : (d,), the weighted mean from there
    scatter : (d, d), Σ w (x − mean)(x − mean)ᵀ
    """

    rows: int
    total: float
    origin: Array
    ahead: Array
    scatter: Array

    @classmethod
    def of(cls, samples: Samples) -> Moments:
        """Return those of samples; of none, or of none with a weight, they are 0."""
        X, weight, total = samples[:3]
        xp, dtype = array_namespace(X), float64_of(X) or X.dtype
        X = xp.astype(X, dtype, copy=False)
        weight = None if weight is None else xp.astype(weight, dtype, copy=False)
        origin = Samples(X, weight, total or 1.0).mean()
        near = Samples(X - origin, weight, total or 1.0)
        ahead = near.mean()
        root = near._replace(X=near.X - ahead).rooted()
        with precise(root):
            return cls(X.shape[0], total, origin, ahead, xp.matrix_transpose(root) @ root)

    @property
    def mean(self) -> Array:
        """The weighted mean of the rows, (d,)."""
        return self.origin + self.ahead

    def beside(self, like: Array) -> Moments:
        """Return them where `like` is, in its library."""
        dtype = float64_of(like) or like.dtype
        return self._replace(
            **{
                name: asarray_like(to_host(getattr(self, name)), like, dtype)
                for name in ("origin", "ahead", "scatter")
            }
        )

    def merge(self, *others: Moments) -> Moments:
        """Return those of all rows, in whichever order: the same up to rounding."""
        return reduce(_merged, others, self)

    def root(self) -> Array:
        """Return L (d, r) with L Lᵀ = scatter, a lower triangle with no negative diagonal.

        Features are scaled to one length first, so that none is lost beside a longer one. The rank
        r, at least 1, is what rounding leaves of it: squares of singular values are known to it.
        """
        scatter = self.scatter
        xp = array_namespace(scatter)
        if scatter.dtype == float64_of(scatter) and hasattr(xp, "linalg"):
            return _root(scatter)
        return asarray_like(_root(to_host(scatter).astype(np.float64)), scatter)


class Explained(NamedTuple):
    """Of rows that are gone, what k components explain: their scores' Gram about the mean.

    Attributes
    ----------
    rows, total : as of `Moments`
    gram : (k, k)
    """

    rows: int
    total: float
    gram: Array

    def moments(self, components: Array, mean: Array) -> Moments:
        """Return moments of the rows as the components (k, d) have them, about their mean."""
        xp, dtype = array_namespace(mean), float64_of(mean) or mean.dtype
        V, gram, origin = (xp.astype(a, dtype) for a in (components, self.gram, mean))
        with precise(V):
            scatter = xp.matrix_transpose(V) @ (gram @ V)
        return Moments(self.rows, self.total, origin, xp.zeros_like(origin), scatter)


def _merged(one: Moments, other: Moments) -> Moments:
    """Return the moments of two, seen from the origin of the heavier, which is nearer the mean."""
    if one.total < other.total:
        one, other = other, one
    total = one.total + other.total
    share = other.total / (total or 1.0)
    step = (other.origin - one.origin) + (other.ahead - one.ahead)
    between = step[:, None] * (step * (one.total * share))[None, :]
    scatter, ahead = one.scatter + other.scatter + between, one.ahead + step * share
    return Moments(one.rows + other.rows, total, one.origin, ahead, scatter)


def _root(S: Array) -> Array:
    xp, d = array_namespace(S), S.shape[0]
    length = xp.sqrt(divisor(xp.linalg.diagonal(S)))
    squares, Q = xp.linalg.eigh(S / length[:, None] / length[None, :])
    sure = squares > squares[-1] * (d * float(xp.finfo(S.dtype).eps))
    left = d - max(1, int(read(xp.sum(xp.astype(sure, S.dtype)))[0]))
    squares = xp.maximum(squares[left:], xp.zeros_like(squares[left:]))
    half = Q[:, left:] * length[:, None] * xp.sqrt(squares)
    return xp.matrix_transpose(triangle(xp.matrix_transpose(half))[1])
