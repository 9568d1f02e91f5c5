"""Online learning to a given cost: that which the reference reaches in `steps` batches.

The cost is that of samples which no method has seen. Before the clock starts, the fewest batches
(a multiple of STRIDE) are sought that reach it, for each method but the reference.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.race import judge as judges
from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

PROBLEM, ROWS = "patches8", 50_000
REFERENCE = "spams"
STRIDE, UNSEEN = 10, 5000


def posed(problem: Problem) -> Problem:
    """Return the problem with samples for atoms to start from, and others to judge by."""
    some = problem._replace(X=problem.X[:-UNSEEN], unseen=problem.X[-UNSEEN:])
    return some.from_samples()._replace(steps=200, batch_size=512)


def settled(problem: Problem, setting: Setting, works: dict[str, Work]) -> dict[str, Work]:
    """Give each method the batches that it needs."""
    steps = dict.fromkeys(works, problem.steps)
    if REFERENCE in works:
        target = cost(problem, works[REFERENCE].call(problem.steps))
        others = (name for name in works if name != REFERENCE)
        steps |= {name: fewest(problem, works[name], target) for name in others}
    return {
        name: work._replace(call=partial(work.call, steps[name]), note={"batches": steps[name]})
        for name, work in works.items()
    }


def fewest(problem: Problem, work: Work, target: float) -> int:
    """Return the fewest batches that reach the target, at most 10 × steps."""
    low, high = 0, problem.steps
    while cost(problem, work.call(high)) > target and high < 10 * problem.steps:
        low, high = high, 2 * high
    while high - low > STRIDE:
        middle = (low + high) // (2 * STRIDE) * STRIDE
        enough = cost(problem, work.call(middle)) <= target
        low, high = (low, middle) if enough else (middle, high)
    return high


def cost(problem: Problem, V: Any) -> float:
    """Return the cost a sample of the best codes of unseen samples."""
    assert problem.unseen is not None
    return judges.cost(problem.unseen, V, problem.alpha)


def judge(problem: Problem, setting: Setting, result: Any) -> dict[str, float]:
    """Judge a dictionary (k, d)."""
    return {"cost": cost(problem, result)}
