"""No penalty at all: what the lasso is for alpha = 0 where codes may be negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.inverses import whitening
from gpudict.objective.penalties.contract import CoordinatePenalty, half_square
from gpudict.objective.quadratic import Quadratic


@dataclass(frozen=True)
class LeastSquares(CoordinatePenalty):
    """Nothing is asked of the codes. Its gap, ½‖r on the span of the atoms‖², is exact."""

    weighable: ClassVar[bool] = True
    positive: bool = False

    def value(self, Z: Array, /) -> Array:
        """Return 0 for each row, (n,)."""
        return array_namespace(Z).zeros_like(Z[:, 0])

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return Z."""
        return Z

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return how far each row is above the least squares, (n,)."""
        return half_square(corr @ whitening(q))

    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the same from the residual itself, (n,)."""
        return self.above_least_squares(q, Z)
