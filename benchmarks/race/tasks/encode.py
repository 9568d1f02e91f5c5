"""The lasso of all rows, judged by its objective and its largest gap."""

from __future__ import annotations

from typing import Any

from benchmarks.race import judge as judges
from benchmarks.race.methods import Setting
from benchmarks.race.problems import Problem

PROBLEM, ROWS = "patches8", 5000


def judge(problem: Problem, setting: Setting, codes: Any) -> dict[str, float]:
    """Judge codes (n, k) for the data as the methods got them."""
    return judges.judge(
        *problem.cast(setting.dtype), codes, problem.alpha, problem.positive
    )._asdict()
