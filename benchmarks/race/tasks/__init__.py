"""The tasks, one module each, found by file name: what is timed, on what, and how it is judged.

A task has `PROBLEM` and `ROWS`, used unless the command says otherwise, and

    judge(problem, setting, result) -> dict        numbers in float64, by no line of a contestant
    posed(problem) -> Problem                      optional: what it makes of the problem
    settled(problem, setting, works) -> works      optional: what it sets before the clock starts

A method takes part if it has a function of the task's name.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def names() -> tuple[str, ...]:
    """Return the names of the tasks."""
    return tuple(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(name: str) -> ModuleType:
    """Return the task's module."""
    return importlib.import_module(f"benchmarks.race.tasks.{name}")
