"""Orthogonal matching pursuit, judged by the squared error that its atoms leave."""

from __future__ import annotations

from typing import Any

from benchmarks.race import judge as judges
from benchmarks.race.methods import Setting
from benchmarks.race.problems import Problem

PROBLEM, ROWS = "patches8", 5000


def judge(problem: Problem, setting: Setting, codes: Any) -> dict[str, float]:
    """Judge codes (n, k) for the data as the methods got them."""
    X, V = problem.cast(setting.dtype)
    return {"squared_error": judges.squared_error(X, V, codes)}
