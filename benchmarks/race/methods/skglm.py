"""skglm: a working-set lasso for one target, so a row at a time; its alpha is divided by d."""

from __future__ import annotations

from benchmarks.race.methods import Setting, Work, celer
from benchmarks.race.problems import Problem

LIBRARY = "skglm"


def encode(problem: Problem, setting: Setting) -> Work:
    """Fit a row after the other."""
    from skglm import Lasso

    return celer.fitted(problem, setting, Lasso)
