"""Who takes part in a task: gpudict on the device and on the CPU, its peers on both.

On the device the clock sees work on data that are there already, and codes that stay there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import gpudict
from benchmarks.gpu import batched_omp, fista
from benchmarks.gpu.devices import Device
from benchmarks.race import methods
from benchmarks.race.methods import Setting, Work
from benchmarks.race.problems import Problem
from gpudict.arrays.door import to_host

STEPS = (100, 1000)  # of FISTA
ON_THE_CPU = {
    "encode": ("gpudict", "spams", "sklearn_cd"),
    "omp": ("gpudict", "spams", "sklearn_cd"),
    "learn": ("gpudict",),
}


def of(task: str, problem: Problem, setting: Setting, device: Device) -> dict[str, Work]:
    """Return the work of each contestant by its name."""
    found = {name: methods.load(name) for name in ON_THE_CPU[task]}
    for why in (m for m in found.values() if isinstance(m, str)):
        print(why)
    works = {
        f"{name}, cpu": getattr(module, task)(problem, setting)
        for name, module in found.items()
        if not isinstance(module, str)
    }
    X, V = (device.move(a) for a in problem.cast(setting.dtype))
    there = {"encode": _encode, "omp": _omp, "learn": _learn}[task](problem, X, V)
    if device.torch_name is not None:
        there |= _torch(task, problem, setting, device.torch_name)
    plain = (lambda pair: [*map(to_host, pair)]) if task == "learn" else to_host
    return works | {name: Work(device.timed(call), plain) for name, call in there.items()}


Calls = dict[str, Callable[[], Any]]


def _encode(problem: Problem, X: Any, V: Any) -> Calls:
    encode = partial(gpudict.encode, X, V, alpha=problem.alpha)
    return {
        "gpudict": lambda: encode().Z,
        "gpudict, portable": lambda: encode(solver="working_set").Z,
    }


def _omp(problem: Problem, X: Any, V: Any) -> Calls:
    return {"gpudict": lambda: gpudict.encode(X, V, n_nonzero_coefs=problem.n_nonzero_coefs).Z}


def _learn(problem: Problem, X: Any, V: Any) -> Calls:
    options = {"alpha": problem.alpha, "dict_init": V, "max_iter": problem.steps, "tol": 0}
    return {"gpudict": lambda: gpudict.learn(X, len(V), random_state=0, **options)[:2]}


def _torch(task: str, problem: Problem, setting: Setting, name: str) -> Calls:
    """Return what is written in PyTorch alone, for the lasso and the pursuit."""
    import torch

    X, V = (torch.asarray(np.array(a), device=name) for a in problem.cast(setting.dtype))
    if task == "omp":
        if importlib.util.find_spec(batched_omp.PACKAGE) is None:
            print(f"{batched_omp.PACKAGE} is left out: it is not installed")
            return {}
        return {batched_omp.PACKAGE: lambda: batched_omp.solve(X, V, problem.n_nonzero_coefs)}
    if task == "encode":
        return {
            f"torch FISTA, {n} steps": partial(fista.solve, X, V, problem.alpha, n) for n in STEPS
        }
    return {}
