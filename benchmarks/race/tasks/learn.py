"""Twelve iterations of alternating learning, judged by the objective that they reach."""

from __future__ import annotations

from typing import Any

from benchmarks.race import judge as judges
from benchmarks.race.methods import Setting
from benchmarks.race.problems import Problem

PROBLEM, ROWS = "patches8", 20_000


def posed(problem: Problem) -> Problem:
    """Return the problem with samples for atoms to start from."""
    return problem.from_samples()._replace(steps=12)


def judge(problem: Problem, setting: Setting, result: Any) -> dict[str, float]:
    """Judge a dictionary (k, d) and codes (n, k): the objective of both together, a sample."""
    V, U = result
    X, _ = problem.cast(setting.dtype)
    verdict = judges.judge(X, V, U, problem.alpha)
    return {"cost": verdict.objective / len(X), "nonzeros": verdict.nonzeros}
