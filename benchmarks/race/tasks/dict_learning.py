"""scikit-learn's function as its users call it, from its own start, judged by the objective."""

from __future__ import annotations

from benchmarks.race.problems import Problem
from benchmarks.race.tasks.learn import judge

__all__ = ["PROBLEM", "ROWS", "judge", "posed"]

PROBLEM, ROWS = "signal", None


def posed(problem: Problem) -> Problem:
    """Return the problem with the iterations that the function has by default."""
    return problem._replace(steps=100)
