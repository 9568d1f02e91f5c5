"""The package orthogonal-matching-pursuit-gpu on the CPU, in the versions that it has for one."""

from __future__ import annotations

from benchmarks.gpu import batched_omp
from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

LIBRARY = batched_omp.PACKAGE


def omp(problem: Problem, setting: Setting, version: str = "v0") -> Work:
    """Pursue; its memory is rows × non-zeros × atoms."""
    import torch

    X, V = (torch.from_numpy(a) for a in problem.cast(setting.dtype))
    solve = batched_omp.solve
    return Work(lambda: solve(X, V, problem.n_nonzero_coefs, version), lambda codes: codes.numpy())
