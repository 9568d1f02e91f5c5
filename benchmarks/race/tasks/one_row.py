"""A small call: one row over 64 atoms, with all the checks that users get."""

from __future__ import annotations

from benchmarks.race.problems import Problem
from benchmarks.race.tasks.encode import judge

__all__ = ["PROBLEM", "ROWS", "judge", "posed"]

PROBLEM, ROWS = "patches8", 1


def posed(problem: Problem) -> Problem:
    """Return the problem with few atoms."""
    return problem._replace(V=problem.V[:64])
