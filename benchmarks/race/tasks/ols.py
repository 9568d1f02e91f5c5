"""Orthogonal least squares: the atom that lowers the error most; judged as `omp` is."""

from __future__ import annotations

from benchmarks.race.tasks.omp import PROBLEM, ROWS, judge

__all__ = ["PROBLEM", "ROWS", "judge"]
