"""Alternating dictionary learning: code all samples, update all atoms, repeat.

`alternate` is the loop, a generator of iterations; what to do about them (stop, report, call back)
is decided by whoever walks it. Each half-step is the quadratic of the other: the codes solve it for
(X, V), the atoms for the statistics A = UᵀU, B = UᵀX. Neither half-step raises the objective.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any, NamedTuple

import numpy as np

from gpudict import _check
from gpudict._array import (
    Array,
    array_namespace,
    asarray_like,
    draws,
    float64_of,
    read,
    to_host,
)
from gpudict.atoms import revived, start, unused
from gpudict.coding import Solution, solve
from gpudict.history import Progress
from gpudict.penalties import Penalty
from gpudict.problem import Problem, choose, penalty_of
from gpudict.quadratic import statistics
from gpudict.updates import DictionaryStep, dictionary_step


class Learned(NamedTuple):
    """A learned dictionary.

    Attributes
    ----------
    dictionary : (k, d), atoms of norm 1 in rows
    code : (n, k); None from online learning
    objective : (n_iter,), ½‖X − UV‖² + alpha·‖U‖₁ after each iteration (online: of each
        mini-batch, per sample)
    gap : (n,), how far each row's code is, at most, from the optimum for the dictionary that it was
        computed with; None from online learning
    converged : whether the codes of every iteration reached their tolerance
    n_iter : iterations made
    history : list of Progress
    """

    dictionary: Array
    code: Array | None
    objective: Array
    gap: Array | None
    converged: bool
    n_iter: int
    history: list[Progress]


class Iteration(NamedTuple):
    """One iteration as it happens: the codes, the atoms updated from them, and its record."""

    code: Array
    dictionary: Array
    gap: Array
    converged: bool
    progress: Progress


def learn(
    X: Array,
    /,
    n_components: int | None = None,
    *,
    alpha: float | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
    solver: str = "cd",
    dictionary_update: str = "auto",
    max_iter: int = 100,
    tol: float = 1e-8,
    code_tol: float | None = None,
    code_max_iter: int | None = None,
    dict_init: Array | str | None = None,
    code_init: Array | None = None,
    positive_code: bool = False,
    positive_dict: bool = False,
    callback: Callable[[Iteration], None] | None = None,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> Learned:
    """Learn a dictionary for X: min ½‖X − UV‖² + alpha·‖U‖₁ over U and unit atoms V.

    Parameters
    ----------
    X : array (n, d)
        Data, a sample a row, of any library that follows the standard. Its library, device and
        dtype are those of the result.
    n_components : int, optional
        Number of atoms k; d by default.
    alpha, n_nonzero_coefs, target_error, solver
        What a code is, as in `encode`.
    dictionary_update : {'auto', 'sweep', 'mm'}
        The exact sweep over the atoms, or 20 majorise-minimise steps on all of them at once. 'auto'
        is the sweep on the host, mm on a GPU, where launches are what costs.
    max_iter : int
        The most iterations.
    tol : float
        Stop when an iteration lowers the objective by less than tol times it.
    code_tol : float, optional
        Relative gap of the codes; 1e-8 in float64 and 1e-5 in float32.
    code_max_iter : int, optional
        The most iterations of the code's solver.
    dict_init : array (m, d), 'svd' or 'data', optional
        Atoms to start from, normalised, cut or completed to k with samples; the SVD of X (the
        default); or random samples.
    code_init : array (n, m), optional
        Codes to start from.
    positive_code, positive_dict : bool
        Ask for U ≥ 0, for V ≥ 0.
    callback : callable, optional
        Called with the `Iteration` after each iteration.
    random_state : None, int, numpy RandomState or Generator
        Draws the samples that revive unused atoms. One seed gives the same on every backend.
    n_jobs : int, optional
        Threads, as in `encode`.

    Returns
    -------
    Learned
        dictionary (k, d), code (n, k), objective (n_iter,), gap (n,), converged, n_iter, history.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    Examples
    --------
    >>> import gpudict
    >>> X, _, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=60, n_components=8, n_features=10, n_nonzero_coefs=2, random_state=0)
    >>> learned = gpudict.learn(X, 8, alpha=0.05, random_state=0)
    >>> learned.dictionary.shape, learned.code.shape
    ((8, 10), (60, 8))
    >>> bool((learned.objective[1:] <= learned.objective[:-1]).all())
    True

    References
    ----------
    Lee, Battle, Raina and Ng (2006), Efficient sparse coding algorithms, eq. 1; Mairal, Bach, Ponce
    and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, eq. 4.
    """
    X = _check.matrix(X, "X")
    k = X.shape[1] if n_components is None else _check.count(n_components, "n_components")
    penalty = penalty_of((k, X.shape[1]), alpha, n_nonzero_coefs, target_error, positive_code)
    problem = choose(X, penalty, solver=solver, tol=code_tol, max_iter=code_max_iter)
    update = dictionary_step(dictionary_update, X, positive=positive_dict)
    rng = draws(_check.random_source(random_state))
    V, U = start(X, k, dict_init, code_init, rng, positive=positive_dict)
    tol = _check.number(tol, "tol")
    steps = alternate(X, V, None if code_init is None else U, problem, update, rng, n_jobs)
    gap = array_namespace(X).full_like(X[:, 0], float("inf"))
    history: list[Progress] = []
    converged = True
    for now in islice(steps, _check.count(max_iter, "max_iter", minimum=0)):
        V, U, gap, converged = now.dictionary, now.code, now.gap, converged and now.converged
        history.append(now.progress)
        if callback is not None:
            callback(now)
        if _flat(history, tol):
            break
    objective = vector([h.objective for h in history], X)
    return Learned(V, U, objective, gap, converged, len(history), history)


def _flat(history: list[Progress], tol: float) -> bool:
    """Whether the last iteration lowered the objective by less than tol times it."""
    if len(history) < 2:
        return False
    before, now = history[-2].objective, history[-1].objective
    return before - now < tol * now


def alternate(
    X: Array,
    V: Array,
    U: Array | None,
    problem: Problem,
    update: DictionaryStep,
    rng: Any,
    n_jobs: int | None = None,
) -> Iterator[Iteration]:
    """Yield iteration after iteration from atoms V and, for a warm start, codes U."""
    xp, began = array_namespace(X), time.perf_counter()
    mean_sq = xp.sum(X * X) / X.shape[0]
    for iteration in count():
        found = solve(X, V, problem, init=U, n_jobs=n_jobs)
        q = statistics(X, found.Z)
        V, U = update(q, V), found.Z
        dead = unused(q, mean_sq)
        objective, gap, dead_atoms, converged = summary(X, V, found, problem.penalty, dead)
        seconds = time.perf_counter() - began
        progress = Progress(iteration, objective, gap, round(dead_atoms), seconds)
        yield Iteration(U, V, found.gap, bool(converged), progress)
        if progress.unused:
            V, U = revived(V, U, to_host(dead), X, rng, positive=update.penalty.positive)


def summary(X: Array, V: Array, found: Solution, penalty: Penalty, dead: Array) -> list[float]:
    """Read the objective, the largest relative gap, the unused atoms, and whether all converged.

    One wait; sums are taken in float64 where the device has it.
    """
    xp, wide = array_namespace(X), float64_of(X) or X.dtype
    R = X - found.Z @ V
    objective = 0.5 * xp.sum(R * R, dtype=wide) + xp.sum(penalty.value(found.Z), dtype=wide)
    sq = xp.astype(xp.sum(X * X, axis=1), found.gap.dtype)
    gap = xp.max(2 * found.gap / xp.where(sq > 0, sq, xp.ones_like(sq)))
    return read(objective, gap, xp.sum(xp.astype(dead, wide)), xp.all(found.converged))


def vector(values: list[float], like: Array) -> Array:
    """Return host numbers as a vector in the place and dtype of `like`."""
    return asarray_like(np.asarray(values, dtype=np.float64), like)
