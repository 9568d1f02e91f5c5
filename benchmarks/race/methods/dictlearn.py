"""dictlearn: NumPy with BLAS's threads. Its penalty stands beside ‖·‖², so alpha counts twice."""

from __future__ import annotations

from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

LIBRARY = "dictlearn"


def encode(problem: Problem, setting: Setting) -> Work:
    """Call its `lasso`, which is scikit-learn's, a row at a time."""
    import dictlearn

    X, V = problem.cast(setting.dtype)
    alpha = 2 * problem.alpha
    return Work(lambda: dictlearn.sparse_encode(X, V, algorithm="lasso", alpha=alpha))


def omp(problem: Problem, setting: Setting) -> Work:
    """Call its `omp`, which pursues all rows together."""
    import dictlearn

    X, V = problem.cast(setting.dtype)
    m = problem.n_nonzero_coefs
    return Work(lambda: dictlearn.sparse_encode(X, V, algorithm="omp", n_nonzero_coefs=m))
