"""What a row's runs are worth: ratios of seconds, and what each reached, by the race's judge.

A rival that did a share of the samples is judged on those, and so is gpudict beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.map.field import MINE, Run
from benchmarks.map.rows import Row
from benchmarks.race import tasks
from benchmarks.race.methods import Setting
from benchmarks.race.problems import Problem
from gpudict.coding.plan import TOLERANCE

LOSSES = ("objective", "squared_error", "cost")
SLACK = 1e-3  # of a loss that no certificate bounds


def judged(row: Row, problem: Problem, runs: list[Run]) -> dict[str, Any]:
    """Return the numbers of gpudict, and by its name those of the best way of each rival."""
    best = {run.who: run for run in sorted(runs, key=lambda run: -run.seconds)}
    mine = best.pop(MINE)
    found = _entry(row, problem, mine, mine.plain)
    rivals = {who: _compared(row, problem, run, mine, found) for who, run in best.items()}
    return {MINE: found | _certificate(row, problem, mine), "rivals": rivals}


def _compared(
    row: Row, problem: Problem, run: Run, mine: Run, found: dict[str, Any]
) -> dict[str, Any]:
    """Return a rival's numbers beside ours, on the samples that it did.

    `above` is its loss over ours, less one; `lower` whether it is lower by more than is allowed.
    """
    entry = _entry(row, problem, run, run.plain)
    if run.rows < mine.rows:
        found = _entry(row, problem, run, mine.plain[: run.rows])
    theirs, ours = (np.inf if e["loss"] is None else e["loss"] for e in (entry, found))
    lower = theirs < ours - _slack(row, problem, run.rows, theirs)
    above = theirs / ours - 1 if 0 < ours < np.inf and theirs < np.inf else None
    return entry | {"ratio": run.seconds / mine.seconds, "above": above, "lower": bool(lower)}


def _entry(row: Row, problem: Problem, run: Run, plain: Any) -> dict[str, Any]:
    """Return seconds and the judge's numbers, None for what is none.

    `loss` is what is compared; it is None where the codes are not allowed or no numbers.
    """
    part = problem._replace(X=problem.X[: run.rows]) if run.rows < len(problem.X) else problem
    verdict = tasks.load(row.task).judge(part, Setting(row.dtype), plain)
    verdict = {name: value if np.isfinite(value) else None for name, value in verdict.items()}
    loss = next(verdict[key] for key in LOSSES if key in verdict)
    scaled = run.rows < len(problem.X)
    about = {"seconds": run.seconds, "how": run.how, "rows": run.rows, "scaled": scaled}
    return about | {"loss": loss} | verdict


def _certificate(row: Row, problem: Problem, mine: Run) -> dict[str, float]:
    """Return the largest gap that gpudict says it has, as the judge's is: a share of ½‖x‖²."""
    if not hasattr(mine.result, "gap") or row.task != "encode":
        return {}
    half = 0.5 * (problem.X.astype(row.dtype).astype(np.float64) ** 2).sum(axis=1)
    gap = np.asarray(mine.result.gap, dtype=np.float64) / np.where(half > 0, half, 1)
    return {"certified": float(gap.max())}


def _slack(row: Row, problem: Problem, rows: int, loss: float) -> float:
    """Return by how much a loss may be above another that is no better."""
    if row.task in ("encode", "one_row"):
        return TOLERANCE[row.dtype] * 0.5 * float((problem.X[:rows] ** 2).sum())
    return SLACK * abs(loss)
