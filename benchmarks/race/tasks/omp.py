"""Orthogonal matching pursuit, judged by the squared error that its atoms leave, if few enough."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.race import judge as judges
from benchmarks.race.methods import Setting
from benchmarks.race.problems import Problem

PROBLEM, ROWS = "patches8", 5000


def judge(problem: Problem, setting: Setting, codes: Any) -> dict[str, float]:
    """Judge codes (n, k) for the data as the methods got them."""
    X, V = problem.cast(setting.dtype)
    few = np.count_nonzero(codes, axis=1).max() <= problem.n_nonzero_coefs
    return {"squared_error": judges.squared_error(X, V, codes) if few else np.inf}
