"""Who takes part in a row, and in which ways: the fastest of its ways counts for each.

What takes long does a share of the rows, which says how long all take; learners have no shares.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from benchmarks.race import measure, methods
from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem

CORES = os.cpu_count() or 1
MINE, FAST = "gpudict", ("gpudict", "SPAMS")
ALONE = ("encode", "omp")  # tasks whose samples know nothing of each other
ENOUGH, MOST = 0.15, 0.3  # seconds that a share takes, about
FEWEST = 2  # samples of a share
SLOW = 1.0  # seconds from which the first call of a rival is the only one
REPEATS, LONG = 9, 3.0  # so many turns at most, or what fits into so many seconds
BOTH = ("float32", "float64")


class Way(NamedTuple):
    """A method in a setting; `share`: whether a share of the samples is enough of it.

    It takes part in the `tasks`, or in all that it can do.
    """

    who: str
    method: str
    how: str
    threads: int
    share: bool = False
    dtypes: tuple[str, ...] = BOTH
    options: Any = MappingProxyType({})
    tasks: tuple[str, ...] = ()


CODES = ("encode", "omp", "ols")  # SPAMS gives codes of these as a sparse matrix
SPARSE = MappingProxyType({"sparse_output": True})
FIELD = (
    Way(MINE, "gpudict", "an array", CORES),
    Way(MINE, "gpudict", "a sparse matrix", CORES, options=SPARSE, tasks=CODES),
    Way("SPAMS", "spams", "1 thread", 1),
    Way("SPAMS", "spams", "all cores", CORES),
    Way("scikit-learn", "sklearn_cd", "coordinate descent", 1, share=True),
    Way("celer", "celer", "row by row", 1, True, ("float64",)),
    Way("batched OMP", "batched_omp", "v0", CORES),
    Way(
        "batched OMP", "batched_omp", "v0_blas", CORES, False, ("float64",), {"version": "v0_blas"}
    ),
)
WHO = tuple(dict.fromkeys(way.who for way in FIELD))


class Run(NamedTuple):
    """One that has run: the seconds that all n samples take, by so many of them.

    `result` is what the call returned, `plain` what is judged of it.
    """

    who: str
    how: str
    seconds: float
    rows: int
    result: Any
    plain: Any


Make = Callable[[int], Work]  # the work on so many samples


def entered(task: str, dtype: str) -> tuple[list[Way], list[str]]:
    """Return the ways that can do the task here, and sentences on the methods that can't run."""
    found = {way.method: methods.load(way.method) for way in FIELD}
    absent = sorted(why for why in found.values() if isinstance(why, str))
    here = {name: module for name, module in found.items() if isinstance(module, ModuleType)}
    able = [way for way in FIELD if hasattr(here.get(way.method), task) and dtype in way.dtypes]
    return [way for way in able if task in (way.tasks or [task])], absent


def runs(task: str, problem: Problem, dtype: str, ways: list[Way]) -> list[Run]:
    """Time all: the quick ones in turn, those that take long once, or on a share of the samples."""
    done: list[Run] = []
    quick: list[tuple[Way, Work]] = []
    for way in ways:
        make, whole = partial(_work, way, task, problem, dtype), len(problem.X)
        found = None
        if way.share and task in ALONE:
            found = _share(way, make, problem, dtype)
        elif way.who not in FAST:
            found = _once(way, make(whole), whole)
        if found is None:
            quick.append((way, make(whole)))
        else:
            done.append(found)
    return _in_turn(quick, len(problem.X)) + done


def _work(way: Way, task: str, problem: Problem, dtype: str, rows: int, **more: Any) -> Work:
    """Return the way's work on the first rows."""
    do = getattr(methods.load(way.method), task)
    part = problem if rows == len(problem.X) else problem._replace(X=problem.X[:rows])
    work: Work = do(part, Setting(dtype, way.threads), **way.options, **more)
    return work._replace(call=partial(work.call, part.steps)) if task == "online" else work


def _in_turn(quick: list[tuple[Way, Work]], rows: int) -> list[Run]:
    """Rehearse all, and run in turn the best way of each."""
    took = {way.who: np.inf for way, _ in quick}
    best: dict[str, tuple[Way, Work]] = {}
    for way, work in quick:
        seconds = measure.once(work.call)[1]
        if seconds < (LONG if way.who == MINE else SLOW):  # the first may have compiled
            seconds = measure.once(work.call)[1]
        if seconds < took[way.who]:
            took[way.who], best[way.who] = seconds, (way, work)
    repeats = max(1, min(REPEATS, int(LONG / sum(took.values()))))
    calls = {who: work.call for who, (_, work) in best.items()}
    timings, results = measure.turns(calls, took, repeats)
    return [
        Run(who, way.how, timings[who].median, rows, results[who], work.plain(results[who]))
        for who, (way, work) in best.items()
    ]


def _once(way: Way, work: Work, rows: int) -> Run | None:
    """Return the run of one that is slow; None if it is not."""
    result, took = measure.once(work.call)
    return Run(way.who, way.how, took, rows, result, work.plain(result)) if took > SLOW else None


def _share(way: Way, make: Make, problem: Problem, dtype: str) -> Run | None:
    """Return the run on as many samples as take ENOUGH; None if all take less.

    The Gram is made once for all samples, so it is given to those that take one, and timed apart.
    """
    given, extra = {}, 0.0
    if way.method == "sklearn_cd":
        V = problem.cast(dtype)[1]
        given["gram"], extra = measure.once(lambda: V @ V.T)
    rows, took, whole = 0, 0.0, len(problem.X)
    while took < ENOUGH and rows < whole:
        grown = FEWEST if rows == 0 else rows * min(max(MOST / took, 2), 16)
        rows = min(whole, int(grown))
        work = make(rows, **given)
        result, took = measure.once(work.call)
    if rows == whole and took < SLOW:
        return None
    if took < SLOW:
        result, again = measure.once(work.call)
        took = min(took, again)
    seconds = extra + took * whole / rows
    return Run(way.who, way.how, seconds, rows, result, work.plain(result))
