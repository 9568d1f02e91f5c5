"""A tiny lasso on one device, held to its certificate and to NumPy's codes.

The planted problem is solved in float32, which every device has. What comes back is held to two
things: the largest gap, to the tolerance that `encode` promises; and the codes, to those of the
portable solver in float64 on NumPy. How far they may be from these follows from the gap: the
objective is strongly convex (its modulus μ is the smallest eigenvalue of V Vᵀ), so
½μ‖u − u*‖² ≤ gap ≤ tol·½‖x‖², and ‖u − u*‖ ≤ ‖x‖·√(tol/μ).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from gpudict.arrays.backends._contract import Device
from gpudict.arrays.door import is_launch_bound, same_place, to_host
from gpudict.arrays.moving import load
from gpudict.coding.encode import encode
from gpudict.coding.plan import TOLERANCE
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import relative_gap
from gpudict.solvers.registry import FASTEST, find

TOL = TOLERANCE["float32"]
ALPHA = 0.1


class Solve(NamedTuple):
    """The tiny solve on one device.

    Attributes
    ----------
    device : the device, as its library sees it
    gpu : whether the codes came back on a GPU, or another device that is not the host
    gap : the largest gap of a row, relative to ½‖x‖²
    difference : the largest distance of a row of codes from NumPy's, relative to ‖x‖
    trouble : what went wrong, a sentence; empty where it works
    solver : the name of the solver that ran
    """

    device: Device
    gpu: bool = False
    gap: float = math.nan
    difference: float = math.nan
    trouble: str = ""
    solver: str = ""


def solved(library: str, device: Device) -> Solve:
    """Solve the problem there, and judge on the host what comes back; nothing raised gets out."""
    try:
        X, V = _problem()
        move = load(library, device.name)
        there = move(X)
        found = encode(there, move(V), alpha=ALPHA)
        gap, Z = to_host(found.gap), to_host(found.Z)
        solver = find(FASTEST, L1(ALPHA), there, len(V)).name
        solve = Solve(device, is_launch_bound(found.Z), *_distances(X, gap, Z), solver=solver)
        strayed = not same_place(found.Z, there)
    except Exception as error:  # each library fails in its own way
        return Solve(device, trouble=f"the solve failed, {sentence(error)}")
    return solve._replace(trouble=_judged(solve, strayed, math.sqrt(TOL / _modulus(V))))


def _judged(solve: Solve, strayed: bool, allowed: float) -> str:
    if strayed:
        return "the codes came back on another device"
    if not solve.gap <= TOL:  # or it is no number
        return f"the largest gap, {solve.gap:.0e}, is above the tolerance, {TOL:.0e}"
    if not solve.difference <= allowed:
        return f"the codes are {solve.difference:.0e} from NumPy's, and {allowed:.0e} is allowed"
    return ""


def _distances(X: np.ndarray, gap: np.ndarray, Z: np.ndarray) -> tuple[float, float]:
    norm = np.linalg.norm(X.astype(np.float64), axis=1)
    apart = np.linalg.norm(Z - _truth(), axis=1)
    return float(np.max(relative_gap(gap, norm**2))), float(np.max(apart / norm))


@functools.cache
def _problem() -> tuple[np.ndarray, np.ndarray]:
    """Return X (n, d) and V (k, d): three atoms a row, a little noise, k < d."""
    rng = np.random.default_rng(0)
    V = rng.standard_normal((24, 64))
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    U = np.zeros((100, 24))
    for row in U:
        row[rng.choice(24, 3, replace=False)] = rng.choice([-1, 1], 3) * rng.uniform(0.5, 2, 3)
    X = U @ V + 0.02 * rng.standard_normal((100, 64))
    return X.astype(np.float32), V.astype(np.float32)


def _modulus(V: np.ndarray) -> float:
    return float(np.linalg.eigvalsh(V.astype(np.float64) @ V.T)[0])


@functools.cache
def _truth() -> np.ndarray:
    """Return the codes of the portable solver on NumPy in float64, which nothing here tests."""
    X, V = (a.astype(np.float64) for a in _problem())
    found = encode(X, V, alpha=ALPHA, solver="working_set", tol=1e-12)
    return np.asarray(found.Z)


def sentence(error: Exception) -> str:
    """Return what an exception says, in one line of plain characters."""
    said = (str(error).strip().splitlines() or [""])[0].strip().partition(". ")[0].rstrip(".")
    plain = said.encode("ascii", "backslashreplace").decode()
    return f"{type(error).__name__}: {plain}" if plain else type(error).__name__
