"""FISTA and DL-FISTA over many atoms, in the settings of arXiv 2603.28744, against gpudict.

1,000 rows of ten atoms each, codes from 0 to 1, in 20·ln(k / 10) dimensions; alpha = 0.1, codes not
negative, FISTA of 100 steps. A dictionary is judged by certified codes over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import gpudict
from benchmarks.gpu.contact.instruments import Instruments
from benchmarks.gpu.contact.pursuits import torch_on
from benchmarks.gpu.contact.steps import Asked, there, tried
from benchmarks.gpu.devices import Absent, Device
from benchmarks.race import judge
from benchmarks.race.problems import Problem, unit
from gpudict.arrays.door import to_host

ATOMS, ROWS, PER_ROW = (1000, 10_000, 50_000), 1000, 10
ALPHA, STEPS, ROUNDS = 0.1, 100, 2
DTYPE = "float32"
Calls = dict[str, Callable[[], Any]]


def found(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield the seconds of each contestant, and the judge's numbers."""
    with there(asked) as (device, has):
        for k in asked.atoms_of(*ATOMS):
            problem = posed(*asked.rows_of(ROWS), k)
            for learns, kind in ((False, coding), (True, learning)):
                for name, call in kind(problem, device).items():
                    what = f"{name}, {len(problem.X):,} × {problem.X.shape[1]}, k = {k:,}, {DTYPE}"
                    judged = _dictionary if learns else _codes
                    race = partial(raced, problem, device, has, call, judged)
                    yield tried(what, race, ours=name.startswith("gpudict"))


def posed(n: int, k: int) -> Problem:
    """Return the problem; learning starts from other atoms."""
    rng = np.random.default_rng(0)
    d = math.ceil(2 * PER_ROW * math.log(max(k, 2 * PER_ROW) / PER_ROW))
    V, X = unit(rng.standard_normal((k, d))), np.zeros((n, d))
    for _ in range(PER_ROW):
        X += rng.random((n, 1)) * V[rng.integers(k, size=n)]
    return Problem("latents", X, V, ALPHA, PER_ROW, "")


def coding(problem: Problem, device: Device) -> Calls:
    """Return the calls that code."""
    X, V = (device.move(a) for a in problem.cast(DTYPE))
    return {
        "gpudict": lambda: gpudict.encode(X, V, alpha=ALPHA, positive=True).Z,
        "FISTA": in_torch("solve", device, problem.X, problem.V, ALPHA, STEPS, positive=True),
    }


def learning(problem: Problem, device: Device) -> Calls:
    """Return the calls that learn, from the same random atoms."""
    start = unit(np.random.default_rng(1).standard_normal(problem.V.shape))
    X, V = (device.move(a.astype(DTYPE)) for a in (problem.X, start))
    options = {"alpha": ALPHA, "positive_code": True, "dict_init": V, "tol": 0, "random_state": 0}
    return {
        "gpudict, learning": lambda: (
            gpudict.learn(X, len(start), max_iter=ROUNDS, **options).dictionary
        ),
        "DL-FISTA": in_torch("learn", device, problem.X, start, ALPHA, ROUNDS, STEPS),
    }


def in_torch(
    name: str, device: Device, X: np.ndarray, V: np.ndarray, *how: Any, **options: Any
) -> Callable[[], Any]:
    """Return the call of a function of `benchmarks.gpu.fista`, on data that are there."""
    if device.torch_name is None:

        def absent() -> Any:
            raise Absent("PyTorch sees no CUDA device")

        return absent
    from benchmarks.gpu import fista

    there = (torch_on(device.torch_name, a.astype(DTYPE)) for a in (X, V))
    return partial(getattr(fista, name), *there, *how, **options)


def raced(
    problem: Problem,
    device: Device,
    has: Instruments,
    call: Callable[[], Any],
    judged: Callable[[Problem, Device, np.ndarray], dict[str, float]],
) -> dict[str, Any]:
    """Time a call, and judge what it returns."""
    found, seconds = has.raced(device, call)
    return {**seconds, **judged(problem, device, to_host(found))}


def _codes(problem: Problem, device: Device, U: np.ndarray) -> dict[str, float]:
    return judge.judge(*problem.cast(DTYPE), U, ALPHA, positive=True)._asdict()


def _dictionary(problem: Problem, device: Device, V: np.ndarray) -> dict[str, float]:
    X = problem.X.astype(DTYPE)
    codes = gpudict.encode(device.move(X), device.move(V), alpha=ALPHA, positive=True).Z
    return judge.judge(X, V, to_host(codes), ALPHA, positive=True)._asdict()
