"""celer: a working-set lasso for one target, so a row at a time; its alpha is divided by d."""

from __future__ import annotations

import numpy as np

from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

LIBRARY = "celer"


def encode(problem: Problem, setting: Setting) -> Work:
    """Fit a row after the other."""
    from celer import Lasso

    return fitted(problem, setting, Lasso)


def fitted(problem: Problem, setting: Setting, kind: type) -> Work:
    """Fit an estimator of a library for one target, row by row."""
    X, V = problem.cast(setting.dtype)
    atoms = np.asfortranarray(V.T)
    lasso = kind(alpha=problem.alpha / X.shape[1], fit_intercept=False, tol=1e-8)
    lasso.positive = problem.positive
    return Work(lambda: np.array([lasso.fit(atoms, x).coef_.copy() for x in X]))
