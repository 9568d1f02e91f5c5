"""scikit-learn with coordinate descent: one thread and BLAS's; its n_jobs slow these tasks down."""

from __future__ import annotations

from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

LIBRARY = "sklearn"


def encode(problem: Problem, setting: Setting, algorithm: str = "lasso_cd") -> Work:
    """Call `sparse_encode`."""
    from sklearn.decomposition import sparse_encode

    X, V = problem.cast(setting.dtype)
    return Work(lambda: sparse_encode(X, V, algorithm=algorithm, alpha=problem.alpha))


one_row = encode


def omp(problem: Problem, setting: Setting) -> Work:
    """Call `sparse_encode`."""
    from sklearn.decomposition import sparse_encode

    X, V = problem.cast(setting.dtype)
    return Work(
        lambda: sparse_encode(X, V, algorithm="omp", n_nonzero_coefs=problem.n_nonzero_coefs)
    )


def learn(problem: Problem, setting: Setting) -> Work:
    """Alternate from the problem's start."""
    import numpy as np
    from sklearn.decomposition import dict_learning

    X, V = problem.cast(setting.dtype)
    options = {"alpha": problem.alpha, "method": "cd", "max_iter": problem.steps, "tol": 0}
    options |= {"dict_init": V, "code_init": np.zeros((len(X), len(V)), X.dtype), "random_state": 0}
    return Work(lambda: dict_learning(X, len(V), **options), lambda found: (found[1], found[0]))


def sparse_pca(problem: Problem, setting: Setting, method: str = "cd") -> Work:
    """Fit the estimator."""
    from sklearn.decomposition import SparsePCA

    X, _ = problem.cast(setting.dtype)
    pca = SparsePCA(len(problem.V), random_state=0, method=method)
    return Work(lambda: pca.fit(X).error_[-1])
