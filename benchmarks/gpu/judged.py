"""The codes of the device against those of the host in float64, judged outside of both.

Rows are coded apart from each other, so some of them are enough where all would take the host long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gpudict
from benchmarks.gpu.devices import Device
from benchmarks.race import judge
from benchmarks.race.problems import Problem, unit
from gpudict.arrays.door import to_host

GAP = {"float32": 1e-5, "float64": 1e-8}  # of ½‖x‖²: what gpudict promises
FIT = {"float32": 1e-4, "float64": 1e-8}  # of the squared error of a pursuit
ATOMS = 1e-6  # of a dictionary learned by the exact sweep, in float64
SOME = 50  # rows that the host codes too
PER_ROW = 5  # atoms that a row is made of, and that pursuits are asked for


def planted(n: int, d: int, k: int, seed: int = 0) -> Problem:
    """Return rows of a few random atoms and a little noise, the atoms, and a weight for both."""
    rng = np.random.default_rng(seed)
    V, few = unit(rng.standard_normal((k, d))), min(PER_ROW, k)
    X = 0.02 * rng.standard_normal((n, d))
    for _ in range(few):
        X += rng.standard_normal((n, 1)) * V[rng.integers(k, size=n)]
    return Problem("planted", X, V, 0.1, few, f"{few} atoms a row, seed {seed}")


def some_of(n: int) -> slice:
    """Return which of n rows the host codes too: the first, others, and no more than `SOME`."""
    return slice(0, n, -(-n // SOME))


def kept(limit: float, **values: float) -> dict[str, Any]:
    """Return the values found with their limit, and whether all of them keep it."""
    return {**values, "limit": limit, "agrees": all(bool(v <= limit) for v in values.values())}


def lasso(problem: Problem, dtype: str, found: Any, some: slice) -> dict[str, Any]:
    """Judge the codes of the device by their gap, and by their objective beside the host's.

    Both are shares of ½‖x‖². The largest gap that the device itself says is that of all rows.
    """
    X, V = problem.cast(dtype)
    X, V = X[some].astype(float), V.astype(float)
    there = found.Z.to_dense() if getattr(found.Z, "is_sparse_csr", False) else found.Z
    there = there.toarray() if hasattr(there, "toarray") else there
    here = gpudict.encode(X, V, alpha=problem.alpha, tol=1e-10).Z
    ours, theirs = (judge.judge(X, V, U, problem.alpha) for U in (to_host(there[some, :]), here))
    total = 0.5 * float((X**2).sum())
    more = (ours.objective - theirs.objective) / total
    finished = to_host(found.converged)
    said = kept(1.1 * GAP[dtype], gap=ours.gap, objective=more)
    said["unconverged"] = int(finished.size - np.count_nonzero(finished))
    return {**said, "agrees": said["agrees"] and not said["unconverged"]}


def pursuit(
    problem: Problem, dtype: str, codes: Any, some: slice, limit: float | None = None
) -> dict[str, Any]:
    """Judge a pursuit by the difference of the squared errors, as shares of ‖X‖²."""
    X, V = problem.cast(dtype)
    X, V = X[some].astype(float), V.astype(float)
    here = gpudict.encode(X, V, n_nonzero_coefs=problem.n_nonzero_coefs).Z
    there = to_host(codes[some, :])
    more = abs(judge.squared_error(X, V, there) - judge.squared_error(X, V, here))
    return kept(FIT[dtype] if limit is None else limit, squared=more)


def learning(problem: Problem, device: Device) -> dict[str, Any]:
    """Judge three iterations of learning by the largest difference of an atom from the host's."""
    problem = problem.from_samples()
    options = {"alpha": problem.alpha, "max_iter": 3, "tol": 0, "random_state": 0}
    options |= {"code_tol": 1e-12, "dictionary_update": "sweep"}
    here, there = (
        gpudict.learn(move(problem.X), len(problem.V), dict_init=move(problem.V), **options)
        for move in (np.asarray, device.move)
    )
    return kept(ATOMS, atoms=float(abs(to_host(there.dictionary) - here.dictionary).max()))
