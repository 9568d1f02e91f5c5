"""The competitors, one module each, found by file name.

A method has `LIBRARY`, the module that it needs, and a function for each task of `tasks/` that it
can do, by the task's name. `task(problem, setting)` puts the data as the library likes it, outside
the clock, and returns a `Work`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """How to run: the dtype's name, and how many threads."""

    dtype: str = "float64"
    threads: int = 1


class Work(NamedTuple):
    """What the clock sees, and what makes of its result, off the clock, what the task judges.

    `note` goes to the results as it is.
    """

    call: Callable[..., Any]
    plain: Callable[[Any], Any] = lambda result: result
    note: Mapping[str, Any] = MappingProxyType({})


def names() -> tuple[str, ...]:
    """Return the names of the methods."""
    return tuple(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(name: str) -> ModuleType | str:
    """Return the method's module, or a sentence on why it can't run here."""
    module = importlib.import_module(f"benchmarks.race.methods.{name}")
    if importlib.util.find_spec(module.LIBRARY) is None:
        return f"{name} is left out: {module.LIBRARY} is not installed"
    return module
