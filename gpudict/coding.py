"""Sparse coding: rows in batches, a warm start, and a certificate for each row.

A batch is as many rows as the workspace of the device has room for, by what the solver says that a
row takes; NumPy's batches go to a pool of threads, since its operations outside the matrix product
use one core each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from gpudict import _check, hosted
from gpudict._array import (
    Array,
    array_namespace,
    at,
    device,
    is_threaded,
    precise,
)
from gpudict.batches import in_batches, told
from gpudict.certificate import certified
from gpudict.history import Check
from gpudict.loop import Solution, run
from gpudict.problem import Problem, choose, penalty_of
from gpudict.quadratic import Quadratic, diagonal, least_squares
from gpudict.room import needs, rows_a_batch
from gpudict.solvers import is_hosted
from gpudict.sparse import Rows, stacked
from gpudict.threads import threads

__all__ = ["Solution", "encode", "solve"]


def encode(
    X: Array,
    V: Array,
    /,
    *,
    alpha: float | Array | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
    positive: bool = False,
    solver: str = "cd",
    tol: float | None = None,
    max_iter: int | None = None,
    init: Array | None = None,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    sparse_output: bool = False,
) -> Solution:
    """Code each row of X sparsely over the atoms in the rows of V.

    With `alpha` it solves the lasso, min ½‖x − u V‖² + alpha·‖u‖₁, to a certified gap. With
    `n_nonzero_coefs` or `target_error` instead it runs a pursuit, 'omp' or 'lars'. Products keep
    the full precision of the dtype, whatever TF32 or autocast is set to.

    Parameters
    ----------
    X : array (n, d)
        Data, a sample a row; NumPy, CuPy, PyTorch, JAX, dpnp or array-api-strict, float32, float64
        or integers. Its library, device and dtype are those of the result.
    V : array (k, d)
        Dictionary, of the library and device of X. Its atoms need not have norm 1; the code of an
        atom that is zero is zero.
    alpha : float or array (n,), optional
        Weight of ‖u‖₁ against ½‖x − uV‖², in units of X·V, for all rows or for each. 0 for all is
        least squares, of least norm.
    n_nonzero_coefs : int, optional
        Pursuits: the most non-zeros a row.
    target_error : float
        Pursuits: a row is done once ‖x − uV‖² is at most this, in squared units of X.
    positive : bool
        Ask for u ≥ 0.
    solver : str
        'cd' (the fastest certified one for this array: compiled, 'active_set' on the host and
        'warp_active_set' on CUDA devices with CuPy; 'working_set' elsewhere), 'cd_sweep', 'fista',
        'ista', 'lars', 'threshold'; for pursuits 'omp' (their default, likewise) or 'lars'.
    tol : float, optional
        A row is converged when its gap ≤ tol·½‖x‖²; 1e-8 in float64 and 1e-5 in float32.
    max_iter : int, optional
        The most iterations (rounds, sweeps) of a batch; a limit that is rarely met by default.
    init : array (n, k), optional
        Codes to start from.
    batch_size : int, optional
        Rows at a time, for the portable solvers; None takes as many as fit half of the memory that
        is free on a GPU. A batch for which memory does not suffice is halved.
    n_jobs : int, optional
        Threads, for arrays of the host: None as many as BLAS would use (1 inside a joblib worker),
        -1 all. Other libraries thread by themselves.
    sparse_output : bool
        Give the codes as a sparse matrix in compressed rows (SciPy's, PyTorch's, CuPy's), without
        ever making the dense one.

    Returns
    -------
    Solution
        `Z` (n, k), the codes, dense or sparse; `gap` (n,), the bound on objective − optimum, in
        float64 where the device has it (its dtype says which), inf for pursuits; `converged` (n,),
        whether gap ≤ tol·½‖x‖², or the pursuit's target was met; `n_iter`, of the batch that took
        longest; `history`.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.
    MemoryError
        The memory of the device is not enough for a single row.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 0.1], [-0.2, 2.0]])
    >>> V = np.eye(2)
    >>> solution = gpudict.encode(X, V, alpha=0.5)
    >>> solution.Z
    array([[2.5, 0. ],
           [0. , 1.5]])
    >>> bool(solution.converged.all())
    True

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso, eq. 1; the gap: Fercoq,
    Gramfort and Salmon (2015), Mind the duality gap, eq. 5.
    """
    X = _check.matrix(X, "X")
    V = _check.matrix(V, "V", like=X)
    _check.shaped(V, "V", (None, X.shape[1]), "an atom has as many features as a row of X")
    if init is not None:
        init = _check.matrix(init, "init", like=X)
        _check.shaped(init, "init", (X.shape[0], V.shape[0]), "a code has an entry for each atom")
    each = _check.alphas(alpha, X)  # a row x with its own alpha is the row x/alpha with 1
    weight = alpha if each is None else 1.0
    penalty = penalty_of(V.shape, weight, n_nonzero_coefs, target_error, positive)
    problem = choose(X, V.shape[0], penalty, solver=solver, tol=tol, max_iter=max_iter)
    size = None if batch_size is None else _check.count(batch_size, "batch_size")
    sparse = _check.sparse_output(sparse_output, X)
    options: dict[str, Any] = {"batch_size": size, "n_jobs": n_jobs, "sparse": sparse}
    found = solve(X, V, problem, init=init, scale=each, **options)
    return found._replace(Z=found.Z.matrix(V.shape[0], X)) if sparse else found


def solve(
    X: Array,
    V: Array,
    problem: Problem,
    *,
    init: Any = None,
    gram: Array | None = None,
    cov: Array | None = None,
    scale: Array | None = None,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    sparse: bool = False,
) -> Solution:
    """Solve the problem for checked arrays, batch by batch.

    A caller's own gram (k, k) or cov (n, k) takes the place of V Vᵀ or X Vᵀ, in the certificate
    too: they need not be products of X and V, so the factors are left out. Each row is divided by
    its `scale` (n,), and its code multiplied with it. With `sparse` the codes are `Rows`.
    """
    options: dict[str, Any] = {"n_jobs": n_jobs, "sparse": sparse}
    with precise(X), told(X, needs(X, V, problem)):
        if is_hosted(problem.solver):
            return hosted.solve(X, V, problem, (init, gram, cov, scale), **options)
        size = rows_a_batch(X, V, problem, sparse) if batch_size is None else batch_size
        return _solve(X, V, problem, (init, gram, cov, scale), size, **options)


def _solve(
    X: Array,
    V: Array,
    problem: Problem,
    own: tuple[Any, ...],
    size: int,
    *,
    n_jobs: int | None,
    sparse: bool,
) -> Solution:
    init, gram, cov, scale = own
    n, k = X.shape[0], V.shape[0]
    shared = least_squares(X[:1, :], V, gram=gram).gram

    def solve_batch(here: slice) -> Solution:
        rows, start = X[here, :], None if init is None else init[here, :]
        if scale is not None:
            factor = array_namespace(X).astype(scale[here][:, None], X.dtype)
            rows, start = rows / factor, None if start is None else start / factor
        q = least_squares(rows, V, gram=shared)
        if gram is not None or cov is not None:
            q = q._replace(cov=q.cov if cov is None else cov[here, :], factors=None)
        found = _solve_batch(q, problem, start)
        found = found if scale is None else scaled(found, factor, scale[here])
        return found._replace(Z=Rows.of(found.Z)) if sparse else found

    workers = 1 if is_threaded(X) else min(threads(n_jobs), math.ceil(n / size))
    return _joined(in_batches(solve_batch, n, size, X, workers), (n, k))


def scaled(found: Solution, factor: Array, scale: Array) -> Solution:
    """Return the solution of the rows times their scales: (b, 1) like the codes, and (b,)."""
    square = array_namespace(scale).astype(scale, found.gap.dtype) ** 2
    return found._replace(Z=found.Z * factor, gap=found.gap * square)


def _joined(parts: Iterable[tuple[slice, Solution]], shape: tuple[int, int]) -> Solution:
    """Write each batch's solution in its place as it comes, or stack what is not zero of it."""
    Z = gap = converged = None
    histories, rows = [], []
    for here, part in parts:
        if here == slice(0, shape[0]) and not isinstance(part.Z, Rows):
            return part
        if isinstance(part.Z, Rows):
            rows.append(part.Z)
        else:
            Z = _placed(Z, part.Z, here, shape)
        gap = _placed(gap, part.gap, here, shape[:1])
        converged = _placed(converged, part.converged, here, shape[:1])
        histories.append(part.history)
        del part  # or the next batch is solved beside it
    history = [_merged(checks) for checks in zip_longest(*histories)]
    n_iter = max(h[-1].iteration if h else 0 for h in histories)
    return Solution(stacked(rows) if rows else Z, gap, converged, n_iter, history)


def _placed(whole: Array | None, part: Array, here: slice, shape: tuple[int, ...]) -> Array:
    """Write a part into the whole array, which is made when its first part comes."""
    if whole is None:
        whole = array_namespace(part).empty(shape, dtype=part.dtype, device=device(part))
    return at(whole)[here, ...].set(part, copy=None)


def _solve_batch(q: Quadratic, problem: Problem, init: Array | None) -> Solution:
    xp = array_namespace(q.cov)
    solver, penalty = problem.solver, problem.penalty
    Z = xp.zeros_like(q.cov)
    if init is not None:  # feasible, and no code for an atom that is zero
        Z = penalty.prox(xp.where(diagonal(q)[None, :] > 0, init, Z), 0.0)
    found = run(solver, q, penalty, Z, stop=problem.stop, max_iter=problem.max_iter)
    return certified(found, q, problem)


def _merged(checks: tuple[Check | None, ...]) -> Check:
    real = [check for check in checks if check is not None]
    unfinished = sum(check.unfinished for check in real)
    return Check(max(c.iteration for c in real), unfinished, max(c.gap for c in real))
