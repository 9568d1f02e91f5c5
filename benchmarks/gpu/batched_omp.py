"""Batch-OMP of PyTorch users, of the package orthogonal-matching-pursuit-gpu: a contestant.

Lubonja, Praesius and Tran (2024), https://arxiv.org/abs/2407.06434. It has two versions for a GPU,
of which its authors find `v0`, by an inverse Cholesky factor, the faster one.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from benchmarks.gpu.devices import Absent

PACKAGE = "orthogonal_matching_pursuit_gpu"
VERSIONS = ("v0", "naive")


def solve(X: Any, V: Any, n_nonzero: int, version: str = VERSIONS[0]) -> Any:
    """Return codes (n, k) with n_nonzero atoms a row, all atoms of norm 1.

    Raises
    ------
    Absent
        The package is not installed.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise Absent(f"python -m pip install {PACKAGE.replace('_', '-')}")
    from orthogonal_matching_pursuit_gpu import run_omp

    columns = V.T.contiguous()  # its atoms
    return run_omp(columns, X, n_nonzero, normalize=False, fit_intercept=False, alg=version)
