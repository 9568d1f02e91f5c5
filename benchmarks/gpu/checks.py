"""The numbers of the device against those of NumPy, before anything is timed."""

from __future__ import annotations

from typing import Any

import numpy as np

import gpudict
from benchmarks.gpu.devices import Device
from benchmarks.race import judge
from benchmarks.race.problems import Problem
from gpudict.arrays.door import to_host

ROWS = 2000
GAP = {"float32": 1e-5, "float64": 1e-8}  # of ½‖x‖²: what gpudict promises
FIT = {"float32": 1e-4, "float64": 1e-8}  # of the squared error of a pursuit
ATOMS = 1e-6  # of a dictionary learned by the exact sweep, in float64


def all_of(problem: Problem, device: Device) -> dict[str, dict[str, Any]]:
    """Return the differences found, each with its limit and whether it is kept."""
    some = problem._replace(X=problem.X[:ROWS])
    found = {}
    for dtype in ("float32", "float64"):
        found[f"lasso, {dtype}"] = _kept(_gap(some, dtype, device), 1.1 * GAP[dtype])
        found[f"pursuit, {dtype}"] = _kept(_fit(some, dtype, device), FIT[dtype])
    found["learning, float64"] = _kept(_atoms(some, device), ATOMS)
    return found


def _kept(value: float, limit: float) -> dict[str, Any]:
    return {"value": value, "limit": limit, "agrees": bool(value <= limit)}


def _gap(problem: Problem, dtype: str, device: Device) -> float:
    """Return by how much the device's objective exceeds NumPy's, or its gap if that is more."""
    X, V = problem.cast(dtype)
    here = gpudict.encode(X, V, alpha=problem.alpha).Z
    there = to_host(gpudict.encode(device.move(X), device.move(V), alpha=problem.alpha).Z)
    ours, theirs = (judge.judge(X, V, U, problem.alpha) for U in (there, here))
    total = 0.5 * float((X.astype(float) ** 2).sum())
    return max(ours.gap, (ours.objective - theirs.objective) / total)


def _fit(problem: Problem, dtype: str, device: Device) -> float:
    """Return the difference of the squared errors, as shares of ‖X‖²."""
    X, V = problem.cast(dtype)
    options = {"n_nonzero_coefs": problem.n_nonzero_coefs}
    here = gpudict.encode(X, V, **options).Z
    there = to_host(gpudict.encode(device.move(X), device.move(V), **options).Z)
    return abs(judge.squared_error(X, V, there) - judge.squared_error(X, V, here))


def _atoms(problem: Problem, device: Device) -> float:
    """Return the largest difference of two dictionaries, three iterations from one start."""
    problem = problem.from_samples()
    options = {"alpha": problem.alpha, "max_iter": 3, "tol": 0, "random_state": 0}
    options |= {"code_tol": 1e-12, "dictionary_update": "sweep"}
    here, there = (
        gpudict.learn(move(problem.X), len(problem.V), dict_init=move(problem.V), **options)
        for move in (np.asarray, device.move)
    )
    return float(abs(to_host(there.dictionary) - here.dictionary).max())
