"""gpudict without its compiled solvers, as on any array library, to a gap of 1e-6."""

from __future__ import annotations

from benchmarks.race.methods import Setting, Work, gpudict
from benchmarks.race.problems import Problem

LIBRARY = "gpudict"
TOL = 1e-6


def encode(problem: Problem, setting: Setting) -> Work:
    """Solve the lasso in rounds that all rows make together."""
    return gpudict.encode(problem, setting, solver="working_set", tol=TOL)
