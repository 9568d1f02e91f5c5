"""SPAMS: LARS, its pursuit and its online learning, in C++ with OpenMP; samples are columns there.

Its `omp` chooses the atom that lowers the error most (orthogonal least squares), not the one that
is most correlated with the residual, so its codes are not those of the others.
"""

from __future__ import annotations

import numpy as np

from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

LIBRARY = "spams"


def columns(problem: Problem, setting: Setting) -> list[np.ndarray]:
    """Return samples and atoms as Fortran-ordered columns."""
    return [np.asfortranarray(a.T) for a in problem.cast(setting.dtype)]


def encode(problem: Problem, setting: Setting) -> Work:
    """Follow the homotopy; codes come back as a sparse matrix."""
    import spams

    X, D = columns(problem, setting)
    options = {"lambda1": problem.alpha, "mode": 2, "numThreads": setting.threads}
    options |= {"pos": problem.positive}
    return Work(lambda: spams.lasso(X, D=D, **options), lambda codes: codes.T.toarray())


one_row = encode


def omp(problem: Problem, setting: Setting) -> Work:
    """Pursue."""
    import spams

    X, D = columns(problem, setting)
    options = {"L": problem.n_nonzero_coefs, "eps": 0.0, "numThreads": setting.threads}
    return Work(lambda: spams.omp(X, D=D, **options), lambda codes: codes.T.toarray())


ols = omp


def online(problem: Problem, setting: Setting) -> Work:
    """Learn from so many batches."""
    import spams

    X, D = columns(problem, setting)
    options = {"lambda1": problem.alpha, "batchsize": problem.batch_size, "mode": 2}
    options |= {"numThreads": setting.threads, "verbose": False}
    return Work(lambda steps: spams.trainDL(X, D=D, iter=steps, **options).T)
