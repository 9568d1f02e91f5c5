"""scikit-learn with coordinate descent: one thread and BLAS's; its n_jobs slow these tasks down."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

LIBRARY = "sklearn"


def encode(problem: Problem, setting: Setting, **options: Any) -> Work:
    """Call `sparse_encode`; a `gram` may be given, where others need not make it."""
    from sklearn.decomposition import sparse_encode

    X, V = problem.cast(setting.dtype)
    options = {"algorithm": "lasso_cd", "alpha": problem.alpha} | options
    options |= {"positive": problem.positive}
    return Work(lambda: sparse_encode(X, V, **options))


one_row = encode


def omp(problem: Problem, setting: Setting, **options: Any) -> Work:
    """Call `sparse_encode`."""
    from sklearn.decomposition import sparse_encode

    X, V = problem.cast(setting.dtype)
    options |= {"algorithm": "omp", "n_nonzero_coefs": problem.n_nonzero_coefs}
    return Work(lambda: sparse_encode(X, V, **options))


def learn(problem: Problem, setting: Setting) -> Work:
    """Alternate from the problem's start."""
    from sklearn.decomposition import dict_learning

    X, V = problem.cast(setting.dtype)
    options = {"alpha": problem.alpha, "method": "cd", "max_iter": problem.steps, "tol": 0}
    options |= {"dict_init": V, "code_init": np.zeros((len(X), len(V)), X.dtype), "random_state": 0}
    return Work(lambda: dict_learning(X, len(V), **options), lambda found: (found[1], found[0]))


def dict_learning(problem: Problem, setting: Setting) -> Work:
    """Call the function, which starts by itself."""
    from sklearn.decomposition import dict_learning as learned

    X, V = problem.cast(setting.dtype)
    options = {"alpha": problem.alpha, "max_iter": problem.steps, "random_state": 0}
    return Work(
        lambda: learned(X, len(V), method="cd", **options), lambda found: (found[1], found[0])
    )


def online(problem: Problem, setting: Setting) -> Work:
    """Learn from so many batches, or from more, to whole passes."""
    from sklearn.decomposition import MiniBatchDictionaryLearning

    X, V = problem.cast(setting.dtype)
    options = {"alpha": problem.alpha, "batch_size": problem.batch_size, "dict_init": V}
    options |= {"fit_algorithm": "cd", "tol": 0, "max_no_improvement": None, "random_state": 0}
    a_pass = -(-len(X) // problem.batch_size)

    def learned(steps: int) -> np.ndarray:
        learner = MiniBatchDictionaryLearning(len(V), max_iter=-(-steps // a_pass), **options)
        return learner.fit(X).components_

    return Work(learned)


def sparse_pca(problem: Problem, setting: Setting, method: str = "cd") -> Work:
    """Fit the estimator."""
    from sklearn.decomposition import SparsePCA

    X, _ = problem.cast(setting.dtype)
    pca = SparsePCA(len(problem.V), random_state=0, method=method)
    return Work(lambda: pca.fit(X).error_[-1])
