"""`certify`: how far codes that were made elsewhere are from their optimum, at most."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from gpudict.arrays import check, per_row
from gpudict.arrays.batches import in_batches, memory_error_saying
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.chunks.rowwise import rowwise
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    device,
    divisor,
    float64_of,
    is_numpy,
    precise,
)
from gpudict.arrays.home import at_home
from gpudict.arrays.memory import workspace
from gpudict.arrays.plain import is_one, plain, values
from gpudict.arrays.sources.by_batches import over_batches
from gpudict.arrays.sources.stream import Stream, is_source
from gpudict.coding.plan import Plan, penalty_of
from gpudict.coding.refinement import judged
from gpudict.objective.penalties.contract import half_square
from gpudict.objective.quadratic import by_factors
from gpudict.solvers.base import DENSE
from gpudict.solvers.records import Solution


class Certificate(NamedTuple):
    """What can be proven of codes, row by row, in float64 where the device has it.

    Attributes
    ----------
    objective : (n,), ½‖x − uV‖² + alpha·‖u‖₁
    gap : (n,), objective − optimum is at most this, rounding included
    dual : (n, d), a dual point θ: the residual, scaled until |Vθ| ≤ alpha (Vθ ≤ alpha if positive)
    primal_violation : (n,), the size of the most negative code where codes must not be; else 0
    dual_violation : (n,), max(|V(x − uV)| − alpha, 0): by how much the residual itself is no such
        point; 0 at the optimum
    converged : (n,) bool, whether gap ≤ tol·½‖x‖², and no code has a sign that it must not have
    """

    objective: Array
    gap: Array
    dual: Array
    primal_violation: Array
    dual_violation: Array
    converged: Array


@at_home
def certify(
    X: Array | Stream,
    V: Array,
    Z: Any,
    /,
    *,
    alpha: float | Array,
    positive: bool = False,
    tol: float | None = None,
) -> Certificate:
    """Bound how far codes are from the optimum of the lasso, whoever made them.

    The bounds are those of `encode`: a duality gap from the residual itself, and where that misses
    the tolerance closer ones at the face of the row. Codes are judged as they are, and not changed.

    Parameters
    ----------
    X : array (n, d), a stream, or a Dask array
        Data, as in `encode`.
    V : array (k, d)
        Dictionary, of the library and device of X.
    Z : array or sparse matrix (n, k)
        Codes, of the library and device of X; sparse ones of SciPy, PyTorch or CuPy.
    alpha : float or array (n,)
        Weight of ‖u‖₁ against ½‖x − uV‖², for all rows or for each.
    positive : bool
        Whether codes have to be ≥ 0.
    tol : float, optional
        A row is converged when its gap ≤ tol·½‖x‖²; 1e-8 in float64 and 1e-5 in float32.

    Returns
    -------
    Certificate
        `objective`, `gap`, `primal_violation`, `dual_violation` and `converged` (n,) and the
        `dual` point (n, d). The gap of a code with a wrong sign bounds its objective − the optimum
        over codes that have none.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    References
    ----------
    Fercoq, Gramfort and Salmon (2015), Mind the duality gap, eq. 5.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 0.1], [-0.2, 2.0]])
    >>> found = gpudict.certify(X, np.eye(2), np.array([[2.5, 0.0], [0.0, 1.0]]), alpha=0.5)
    >>> found.gap.round(3), found.converged
    (array([0.   , 0.125]), array([ True, False]))
    """
    values(V, "V")
    asked: dict[str, Any] = {"positive": bool(positive), "tol": tol}
    if is_chunked(X):
        alike = partial(_of_chunk, V=V, alpha=alpha if is_one(alpha) else None, **asked)
        each = None if is_one(alpha) else alpha
        return Certificate(*rowwise(alike, chunked(X), alpha=each, Z=Z))
    Z = Z.tocsr() if hasattr(Z, "tocsr") else Z
    if not is_source(X):
        return _certified(X, V, Z, alpha, **asked)
    low, rows_of = 0, per_row.lengths(alpha=alpha, Z=Z)

    def of_batch(rows: Array) -> tuple[Array, ...]:
        nonlocal low
        here = slice(low, low + rows.shape[0])
        low = here.stop
        per_row.as_many(rows_of, low, more=True)
        each: Any = alpha
        each = alpha if is_one(alpha) else each[here]
        return _certified(rows, _beside(V, rows), Z[here], each, **asked)

    found = Certificate(*over_batches(of_batch, X))
    per_row.as_many(rows_of, low)
    return found


def _of_chunk(rows: Array, each: Any, Z: Any, *, V: Any, alpha: Any, **asked: Any) -> Certificate:
    """Return the certificate of the rows of a chunk."""
    return _certified(rows, _beside(V, rows), Z, alpha if each is None else each, **asked)


def _beside(V: Array, rows: Array) -> Array:
    """Return atoms of NumPy's where the rows are."""
    return asarray_like(V, rows) if is_numpy(V) and not is_numpy(rows) else V


def _dense(Z: Any) -> Any:
    """Return sparse codes as dense ones."""
    made = getattr(Z, "toarray", None) or getattr(Z, "to_dense", None)
    return Z if made is None else made()


def _certified(X: Array, V: Array, Z: Any, alpha: Any, *, positive: bool, tol: Any) -> Certificate:
    """Check what came, and judge the rows of an array, in batches."""
    X, V = check.samples_and_atoms(X, V, wide=True)
    xp, n, k = array_namespace(X), X.shape[0], V.shape[0]
    if alpha is None:
        raise ValueError("alpha is None, and codes of the lasso are judged. Pass their alpha.")
    one, each = per_row.alphas(alpha, X)
    plan = Plan.of(
        X, k, penalty_of(V.shape, one, None, 0.0, positive, each),
        solver="cd", tol=tol, max_iter=None,
    )  # fmt: skip
    wide = float64_of(X) or X.dtype
    like = xp.astype(X[:1, :], wide, copy=False)
    zero = xp.zeros(n, dtype=wide, device=device(X))
    weights = zero + float(one) if each is None else xp.astype(each, wide, copy=False)
    Z = Z if hasattr(Z, "toarray") else plain(_dense(Z), "Z")
    check.shaped(Z, "Z", (n, k), "a row of codes for each row of X, one for each atom")

    def of_batch(here: slice) -> Certificate:
        codes = check.matrix(_dense(Z[here, ...]), "Z", like=like)
        x, v = (xp.astype(a, wide, copy=False) for a in (X[here, :], V))
        return _judged(x, v, codes, weights[here], plan.of_rows(here))

    size = max(1, workspace(X) // (8 * (DENSE * k + 4 * X.shape[1])))
    with precise(X), memory_error_saying(lambda: f"codes over {k:,} atoms are judged.", X):
        parts = [part for _, part in in_batches(of_batch, n, size, X)]
    if len(parts) == 1:
        return parts[0]
    return Certificate(*(xp.concat(list(each)) for each in zip(*parts, strict=True)))


def _judged(X: Array, V: Array, Z: Array, alpha: Array, plan: Plan) -> Certificate:
    """Return what can be proven of a batch."""
    q, penalty, xp = by_factors(X, V), plan.penalty.astype(X.dtype), array_namespace(X)
    found = judged(Solution(Z, q.sq, q.sq < 0, 0, []), q, plan.having(penalty), closely=True)[0]
    gap = xp.where(xp.isnan(found.gap), xp.full_like(found.gap, xp.inf), found.gap)
    R, zero = X - Z @ V, xp.zeros_like(q.sq)
    top = xp.max(penalty.pull(R @ xp.matrix_transpose(V)), axis=1)
    over = top > alpha
    scale = xp.where(over, alpha / divisor(top), xp.ones_like(top))
    wrong = xp.maximum(-xp.min(Z, axis=1), zero) if penalty.positive else zero
    return Certificate(
        half_square(R) + penalty.value(Z),
        gap,
        scale[:, None] * R,
        wrong,
        xp.where(over, top - alpha, zero),
        found.converged & (wrong == 0),
    )
