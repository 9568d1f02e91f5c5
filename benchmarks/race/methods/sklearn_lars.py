"""scikit-learn's homotopy, the default of its `sparse_encode` and its `SparsePCA`."""

from __future__ import annotations

from benchmarks.race.methods import Setting, Work, sklearn_cd
from benchmarks.race.problems import Problem

LIBRARY = "sklearn"


def encode(problem: Problem, setting: Setting) -> Work:
    """Call `sparse_encode`."""
    return sklearn_cd.encode(problem, setting, algorithm="lasso_lars")


def sparse_pca(problem: Problem, setting: Setting) -> Work:
    """Fit the estimator."""
    return sklearn_cd.sparse_pca(problem, setting, "lars")
