"""gpudict, as it comes: on the host its compiled solvers."""

from __future__ import annotations

from typing import Any

import numpy as np

import gpudict
from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

LIBRARY = "gpudict"


def encode(problem: Problem, setting: Setting, **options: Any) -> Work:
    """Solve the lasso, to the tolerance of the dtype unless another one is given."""
    X, V = problem.cast(setting.dtype)
    options |= {"alpha": problem.alpha, "positive": problem.positive, "n_jobs": setting.threads}
    return Work(lambda: gpudict.encode(X, V, **options), lambda solution: _dense(solution.Z))


def omp(problem: Problem, setting: Setting, **options: Any) -> Work:
    """Pursue."""
    X, V = problem.cast(setting.dtype)
    options |= {"n_nonzero_coefs": problem.n_nonzero_coefs, "n_jobs": setting.threads}
    return Work(lambda: gpudict.encode(X, V, **options).Z, _dense)


def _dense(codes: Any) -> Any:
    return codes.toarray() if hasattr(codes, "toarray") else codes


def ols(problem: Problem, setting: Setting, **options: Any) -> Work:
    """Pursue by orthogonal least squares."""
    return omp(problem, setting, solver="ols", **options)


def one_row(problem: Problem, setting: Setting) -> Work:
    """Call scikit-learn's face, with its checks."""
    X, V = problem.cast(setting.dtype)
    options = {"algorithm": "lasso_cd", "alpha": problem.alpha, "positive": problem.positive}
    return Work(lambda: gpudict.sparse_encode(X, V, **options))


def learn(problem: Problem, setting: Setting) -> Work:
    """Alternate from the problem's start."""
    X, V = problem.cast(setting.dtype)
    options = {"alpha": problem.alpha, "dict_init": V, "max_iter": problem.steps, "tol": 0}
    options |= {"n_jobs": setting.threads, "random_state": 0}
    return Work(lambda: gpudict.learn(X, len(V), **options), lambda found: found[:2])


def dict_learning(problem: Problem, setting: Setting) -> Work:
    """Call scikit-learn's face, which starts by itself."""
    X, V = problem.cast(setting.dtype)
    options = {"alpha": problem.alpha, "max_iter": problem.steps, "random_state": 0}
    options |= {"method": "cd", "n_jobs": setting.threads}
    return Work(lambda: gpudict.dict_learning(X, len(V), **options), lambda found: found[1::-1])


def online(problem: Problem, setting: Setting) -> Work:
    """Learn from so many batches; where they are no whole passes, a callback counts them."""
    X, V = problem.cast(setting.dtype)
    options = {"alpha": problem.alpha, "dict_init": V, "batch_size": problem.batch_size, "tol": 0}
    options |= {"max_no_improvement": None, "n_jobs": setting.threads, "random_state": 0}

    def learned(steps: int) -> np.ndarray:
        passes, more = divmod(steps, -(-len(X) // problem.batch_size))
        left = iter(range(steps - 1))
        last = (lambda *_: next(left, None) is None) if more else None
        found = gpudict.learn_online(
            X, len(V), max_iter=passes + (more > 0), callback=last, **options
        )
        return found.dictionary

    return Work(learned)


def sparse_pca(problem: Problem, setting: Setting) -> Work:
    """Fit the estimator as it comes."""
    X, _ = problem.cast(setting.dtype)
    pca = gpudict.SparsePCA(len(problem.V), random_state=0, n_jobs=setting.threads)
    return Work(lambda: pca.fit(X).error_[-1])
