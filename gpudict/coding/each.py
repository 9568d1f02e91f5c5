"""Atoms for each: V (b, k, d), over which are coded the rows of X (b, n, d), or one each, (b, d).

It is `encode`, called for each; small problems of the host are coded by one compiled call, and
those of which a row falls short as any is.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.door import Array, array_namespace, from_host, is_array, to_host
from gpudict.arrays.parameters import jobs
from gpudict.arrays.plain import is_one, plain, reals
from gpudict.arrays.rows import wide
from gpudict.arrays.saying import in_batches_saying
from gpudict.arrays.threads import in_parallel, threads
from gpudict.coding.plan import Plan
from gpudict.coding.silence import say_silent
from gpudict.objective.penalties.contract import pull
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.constants import FAINT
from gpudict.solvers.host import active_set
from gpudict.solvers.host._products import FEW
from gpudict.solvers.records import Solution
from gpudict.solvers.registry import FASTEST

Coder = TypeVar("Coder", bound=Callable[..., Any])
WHOLE = (
    "sparse_output",
    "out",
    "devices",
    "time_limit",
    "entry_weight",
    "missing",
)  # what is of one dictionary
PARTS = 4  # of a thread, so that they end together
LASSO = {"alpha", "n_jobs", "positive", "solver", "tol"}  # what a compiled call takes


def for_each(encode: Coder) -> Coder:
    """Let a function of X (n, d) and V (k, d) take V (b, k, d), and return all codes in one."""
    signature = inspect.signature(encode)

    @functools.wraps(encode)
    def each(X: Any, V: Any, /, *arguments: Any, **options: Any) -> Any:
        if not is_array(V) or V.ndim != 3:
            return encode(X, V, *arguments, **options)
        bound = signature.bind(X, V, *arguments, **options)
        _, _, *rest = bound.arguments.items()
        return coded(X, V, encode, dict(rest))

    return cast(Coder, each)


def coded(X: Array, V: Array, encode: Callable[..., Solution], asked: dict[str, Any]) -> Solution:
    """Return the codes (b, n, k), or (b, k) of a row each, and what is known of them."""
    for name in WHOLE:
        if asked.get(name, False) is not False and asked[name] is not None:
            raise ValueError(
                f"{name} came with V of the shape {tuple(V.shape)}, dictionaries for each, and it "
                "is for one. Leave it out, or encode over each V[i] in a loop."
            )
    X, V, alone = _checked(X, V)
    own = _own(asked, X, V.shape[1], alone=alone)
    whole = _compiled(X, V, asked | own)
    short = range(X.shape[0]) if whole is None else np.flatnonzero(~whole[2].all(axis=1)).tolist()
    with in_batches_saying():
        if whole is not None:
            say_silent(_silent_up_to(X, V, whole[0], asked), "entry of X dictionaryᵀ")
        made = [
            encode(X[i, ...], V[i, ...], **asked | {name: value[i] for name, value in own.items()})
            for i in short
        ]
    told = list(zip(*((*one[:3], one.status) for one in made), strict=True))
    if whole is None:
        parts: Any = map(array_namespace(X).stack, told)
    else:
        for part, of_short in zip(whole, told, strict=False):
            part[short] = [to_host(one) for one in of_short]
        parts = (from_host(a, X) for a in whole)
    Z, gap, converged, status = (a[:, 0, ...] if alone else a for a in parts)
    rounds, alpha = max([1, *(one.n_iter for one in made)]), asked.get("alpha")
    if alpha is None and made[0].alpha is not None:  # as found for a target
        alpha = np.array([one.alpha for one in made])
    return Solution(Z, gap, converged, rounds, [], alpha, status)


def _checked(X: Any, V: Any) -> tuple[Array, Array, bool]:
    """Return X (b, n, d) and V (b, k, d), checked, and whether X came as a row for each."""
    X, V = plain(X, "X"), plain(V, "V")
    alone = X.ndim == 2
    if X.ndim not in (2, 3) or V.shape[:1] + V.shape[2:] != X.shape[:1] + X.shape[-1:]:
        raise ValueError(
            f"V of the shape {tuple(V.shape)} came with X of the shape {tuple(X.shape)}, and V "
            "(b, k, d) needs X (b, n, d), or a row for each, (b, d). Pass such arrays, or one "
            "dictionary V (k, d)."
        )
    (b, k, d), n = V.shape, 1 if alone else X.shape[1]
    reshape, turned = array_namespace(X).reshape, array_namespace(V).reshape
    rows, atoms = check.samples_and_atoms(reshape(X, (b * n, d)), turned(V, (b * k, d)))
    return reshape(rows, (b, n, d)), reshape(atoms, (b, k, d)), alone


def _own(asked: dict[str, Any], X: Array, k: int, *, alone: bool) -> dict[str, Any]:
    """Return what each has of its own: alphas (b, n) and codes to start from (b, n, k), if any."""
    b, n = X.shape[:2]
    own: dict[str, Any] = {}
    if not is_one(asked.get("alpha")):
        alphas = reals(asked["alpha"], "alpha", flags=False)
        if alphas.shape not in ((), (b,), (b, n)):
            raise ValueError(
                f"alpha has the shape {alphas.shape}, and a number, one for each of {b} "
                f"dictionaries, or one for each row, {(b, n)}, is needed. Pass such an alpha."
            )
        own["alpha"] = np.broadcast_to(alphas.reshape(alphas.shape or (1,)).T, (n, b)).T
    if asked.get("init") is not None:
        init, shape = plain(asked["init"], "init"), (b, k) if alone else (b, n, k)
        if init.shape != shape:
            raise ValueError(
                f"init has the shape {tuple(init.shape)}, and {shape} is needed: codes to start "
                "from, for each row of X. Pass it in that shape."
            )
        reshape = array_namespace(init).reshape
        init = check.matrix(reshape(init, (b * n, k)), "init", like=X)
        own["init"] = reshape(init, (b, n, k))
    return own


def _silent_up_to(X: Array, V: Array, Z: np.ndarray, asked: dict[str, Any]) -> float | None:
    """Return from which alpha on all codes are zero, if they are, else None."""
    if Z.any():
        return None
    pulls = wide(X) @ wide(V).swapaxes(1, 2)
    return float(pull(pulls, bool(asked.get("positive", False))).max())


def _compiled(X: Array, V: Array, asked: dict[str, Any]) -> list[np.ndarray] | None:
    """Return codes, bounds, whether they are small enough, and zeros, if problems are small."""
    (b, n, d), k = X.shape, V.shape[1]
    if n * k * d > FEW or not asked.keys() <= LASSO or asked.get("alpha") is None:
        return None
    alphas = np.ascontiguousarray(np.broadcast_to(asked["alpha"], (b, n)), np.float64)
    if not (alphas > 0).all() or not np.isfinite(alphas).all():
        return None
    positive, solver = bool(asked.get("positive", False)), asked.get("solver", FASTEST)
    penalty = L1(float(alphas[0, 0]), positive)
    plan = Plan.of(X[0, ...], k, penalty, solver=solver, tol=asked.get("tol"), max_iter=None)
    if plan.solver is not active_set.SOLVER:
        return None
    rows, atoms, single = wide(X), wide(V), to_host(X).dtype != np.float64
    square = np.vecdot(rows, rows)
    if (rows.any(axis=2) & (square < FAINT)).any():
        return None
    Z, gaps = np.zeros((b, n, k)), np.empty((b, n))

    def job(low: int) -> None:
        here = slice(low, low + size)
        work = active_set.work_of(n, k, most)
        given = rows[here], atoms[here], square[here], alphas[here]
        problems.encode(*given, positive, single, limits, work, Z[here], gaps[here])

    from gpudict.solvers.host.kernels import problems

    most, limits = active_set.SOLVER.sizes(k, d, plan.max_iter)
    workers = min(threads(jobs(asked.get("n_jobs"))), b)
    size = math.ceil(b / (PARTS * workers))
    deque(in_parallel(job, range(0, b, size), workers), maxlen=0)
    converged = gaps <= 0.5 * plan.tol * square
    return [Z.astype(to_host(X).dtype), gaps, converged, np.zeros((b, n), np.int32)]
