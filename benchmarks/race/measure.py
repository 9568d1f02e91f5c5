"""Timing in turn: A B C, A B C, …, in one process, so that all see the same weather.

Calls that nobody counts come first. Quote medians, and ratios within one run; a wide spread says
that the machine was busy.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

ENOUGH = 0.05  # seconds, so that the clock and a first call do not matter
LONG = 5.0
BLAS_SWITCHES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Timing(NamedTuple):
    """Seconds: median, least and most of the counted rounds."""

    median: float
    least: float
    most: float


def in_turn(
    work: dict[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, Timing], dict[str, Any]]:
    """Time every callable `repeats` times, in turn; return the timings and the last results."""
    return turns(work, {name: rehearsed(call) for name, call in work.items()}, repeats)


def rehearsed(call: Callable[[], Any]) -> float:
    """Call what may have to compile first; return the seconds that it takes after that."""
    _, took = once(call)
    return once(call)[1] if took < LONG else took


def turns(
    work: dict[str, Callable[[], Any]], took: dict[str, float], repeats: int
) -> tuple[dict[str, Timing], dict[str, Any]]:
    """Time every callable, rehearsed, `repeats` times in turn; the last results come too.

    One that takes less than ENOUGH is called several times a turn, and the mean is counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    results: dict[str, Any] = {}
    times = {name: max(1, round(ENOUGH / took[name])) for name in work}
    for _ in range(repeats):
        for name, call in work.items():
            results[name], spent = once(lambda call=call, n=times[name]: [call() for _ in range(n)])
            results[name] = results[name][-1]
            seconds[name].append(spent / times[name])
    timings = {n: Timing(statistics.median(s), min(s), max(s)) for n, s in seconds.items()}
    return timings, results


def once(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return what the call returns, and the seconds that it took."""
    began = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began


def machine() -> dict[str, Any]:
    """Describe what the numbers were measured on."""
    from threadpoolctl import threadpool_info

    blas = [p for p in threadpool_info() if p["user_api"] == "blas"]
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "blas": sorted(
            {f"{p['internal_api']} {p['version']} {p.get('architecture')}" for p in blas}
        ),
        "numpy": version("numpy"),
        "scikit-learn": version("scikit-learn"),
    }


def restricted() -> list[str]:
    """Return the switches that hold BLAS back: a benchmark with one of them set is none."""
    return [name for name in BLAS_SWITCHES if name in os.environ]
