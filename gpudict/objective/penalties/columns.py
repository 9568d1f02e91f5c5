"""Norms of columns, the atoms of a dictionary as Z = Vᵀ: the sphere and the ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.contract import Penalty, indicator


class ColumnPenalty(Penalty):
    """A constraint on each column of Z."""

    problem: ClassVar[str] = "the dictionary"
    asked_by: ClassVar[str] = "dictionary_update"


@dataclass(frozen=True)
class UnitBall(ColumnPenalty):
    """Columns of norm at most 1 (and non-negative if `positive`): scikit-learn's constraint."""

    positive: bool = False

    def value(self, Z: Array, /) -> Array:
        """Return 0 for each feasible column and inf for each other, to rounding, (k,)."""
        return _feasible(_norms(Z) <= 1 + _slack(Z), Z, self.positive)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the nearest feasible point; the step does not matter."""
        xp = array_namespace(Z)
        Z = xp.maximum(Z, xp.zeros_like(Z)) if self.positive else Z
        norm = _norms(Z)
        return Z / xp.maximum(norm, xp.ones_like(norm))


@dataclass(frozen=True)
class UnitSphere(ColumnPenalty):
    """Columns of norm exactly 1 (and non-negative if `positive`): the atoms of a dictionary."""

    positive: bool = False

    def value(self, Z: Array, /) -> Array:
        """Return 0 for each feasible column and inf for each other, to rounding, (k,)."""
        xp = array_namespace(Z)
        return _feasible(xp.abs(_norms(Z) - 1) <= _slack(Z), Z, self.positive)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the nearest feasible point; the step does not matter.

        A column without a (positive) entry is as near to several points: it goes to the unit
        vector of its largest entry.
        """
        xp = array_namespace(Z)
        if self.positive:
            largest = xp.argmax(Z, axis=0, keepdims=True)
            rows = xp.arange(Z.shape[0], dtype=largest.dtype, device=Z.device)[:, None]
            peak = xp.astype(rows == largest, Z.dtype)
            Z = xp.maximum(Z, xp.zeros_like(Z))
        else:  # a column without an entry is zero, and its first entry is as large as any
            peak = xp.eye(Z.shape[0], 1, dtype=Z.dtype, device=Z.device)
        size = xp.max(xp.abs(Z), axis=0, keepdims=True)  # first to size 1: squares must not vanish
        scaled = Z / (size + float(xp.finfo(Z.dtype).smallest_normal))
        scaled = xp.where(size > 0, scaled, peak)
        return scaled / xp.sqrt(xp.sum(scaled * scaled, axis=0, keepdims=True))


def _feasible(kept: Array, Z: Array, positive: bool) -> Array:
    """Return 0 for the columns that keep the constraint and, if `positive`, their sign."""
    kept = kept & array_namespace(Z).all(Z >= 0, axis=0) if positive else kept
    return indicator(kept, Z)


def _norms(Z: Array) -> Array:
    xp = array_namespace(Z)
    return xp.sqrt(xp.sum(Z * Z, axis=0))


def _slack(Z: Array) -> float:
    return 32 * float(array_namespace(Z).finfo(Z.dtype).eps)
