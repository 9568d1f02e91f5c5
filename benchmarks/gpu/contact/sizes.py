"""Awkward numbers of rows and atoms: lasso and pursuit, against the host in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gpudict
from benchmarks.gpu import judged
from benchmarks.gpu.contact.steps import Asked, there, tried
from benchmarks.gpu.devices import Device
from benchmarks.race.problems import Problem

ATOMS = (100, 1, 64, 256, 1000, 4096, 8192, 9000)
ROWS = (31, 1, 50_000)
FEATURES, MANY = 64, 256  # of few atoms, and of more than a thousand


def found(asked: Asked, dtype: str) -> Iterator[dict[str, Any]]:
    """Yield the largest differences of each size."""
    with there(asked) as (device, _):
        for k in asked.atoms_of(*ATOMS):
            d = FEATURES if k <= 1000 else MANY
            whole = judged.planted(asked.rows_of(max(ROWS))[0], d, k)
            for n in asked.rows_of(*ROWS):
                problem = whole._replace(X=whole.X[:n])
                for kind in (lasso, pursuit):
                    what = f"{kind.__name__}, {n:,} × {d}, k = {k:,}, {dtype}"
                    yield tried(what, lambda p=problem, kind=kind: kind(p, dtype, device))


def lasso(problem: Problem, dtype: str, device: Device) -> dict[str, Any]:
    """Judge the lasso of a problem."""
    X, V = (device.move(a) for a in problem.cast(dtype))
    found = gpudict.encode(X, V, alpha=problem.alpha)
    return judged.lasso(problem, dtype, found, judged.some_of(len(problem.X)))


def pursuit(problem: Problem, dtype: str, device: Device) -> dict[str, Any]:
    """Judge the pursuit of a problem."""
    X, V = (device.move(a) for a in problem.cast(dtype))
    codes = gpudict.encode(X, V, n_nonzero_coefs=problem.n_nonzero_coefs).Z
    return judged.pursuit(problem, dtype, codes, judged.some_of(len(problem.X)))
