"""The quadratic that every half-step of dictionary learning minimises.

    f(Z) = ½⟨Z·gram, Z⟩ − ⟨Z, cov⟩ + ½·sq        one row of Z, of cov and of sq for each sample

For least squares ½‖X − Z V‖² it has gram = V Vᵀ (k, k), cov = X Vᵀ (n, k) and sq = ‖x‖² (n,). The
code solves it for (X, V), the dictionary for (Xᵀ, Uᵀ); online learning adds quadratics up, and
learning on many machines sums them. All functions are pure; the rows are independent.

Where each entry of X has a weight it is ½‖√w∘(X − Z V)‖²: each row sees the atoms through its own
weights, so no Gram is shared, and all goes through the factors (X, V, w).

Everything is written in terms of the *correlation* cov − Z·gram = (X − Z V) Vᵀ, which is minus the
gradient. Beside Z it gives the value, the residual and the duality gap with sums alone, so a
solver that carries it pays for one matrix product an iteration, and a check costs none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, divisor, take


class Quadratic(NamedTuple):
    """½⟨Z·gram, Z⟩ − ⟨Z, cov⟩ + ½·sq; `factors` = (X, V) where it came from least squares.

    Or (X, V, w), with a weight of each entry (n, d). In learning, a gram (k,) is a diagonal of one.
    """

    cov: Array
    sq: Array
    gram: Array | None = None
    factors: tuple[Array, ...] | None = None


def gram_of(V: Array, /) -> Array:
    """Return V Vᵀ, (k, k)."""
    return V @ array_namespace(V).matrix_transpose(V)


def least_squares(X: Array, V: Array, /, *, gram: Array | None = None) -> Quadratic:
    """Return ½‖X − Z V‖² as a function of Z; a Gram that is at hand is used, not formed again."""
    return by_factors(X, V)._replace(gram=gram_of(V) if gram is None else gram)


def by_factors(X: Array, V: Array, *weight: Array) -> Quadratic:
    """Return ½‖X − Z V‖² without a Gram: one of many atoms is larger than the work it saves.

    With a weight of each entry (n, d) there is none that rows share.
    """
    xp, factors = array_namespace(X, V), (X, V, *weight)
    WX = weighed(factors, X)
    return Quadratic(WX @ xp.matrix_transpose(V), xp.sum(X * WX, axis=1), None, factors)


def weighed(factors: tuple[Array, ...], R: Array, /) -> Array:
    """Return w∘R, or R where entries have no weights."""
    return R * factors[2] if len(factors) == 3 else R


def astype(q: Quadratic, dtype: Any, /) -> Quadratic:
    """Return the quadratic in a dtype, formed anew from the data where that is known."""
    xp = array_namespace(q.cov)
    if q.cov.dtype == dtype:
        return q
    if q.factors is not None:
        form = by_factors if q.gram is None else least_squares
        return form(*(xp.astype(a, dtype) for a in q.factors))
    assert q.gram is not None
    return Quadratic(*(xp.astype(a, dtype) for a in (q.cov, q.sq, q.gram)))


def to_judge(q: Quadratic, dtype: Any, /) -> Quadratic:
    """Return the quadratic as certificates read it, X, V and ‖x‖² in a wider dtype, where known.

    Products are for those who solve: there is no Gram, and cov stays as it is.
    """
    if q.factors is None:
        return astype(q, dtype)
    xp = array_namespace(q.cov)
    factors = tuple(xp.astype(a, dtype) for a in q.factors)
    return Quadratic(
        q.cov, xp.sum(factors[0] * weighed(factors, factors[0]), axis=1), None, factors
    )


def statistics(X: Array, U: Array, weight: Array | None = None, /) -> Quadratic:
    """Return the dictionary's quadratic: gram = UᵀWU (k, k), cov = XᵀWU (d, k), sq (d,).

    These are Mairal's A and B (2010, eq. 11); Z = Vᵀ. W is the diagonal of the samples' weights,
    the identity by default. They are sums over the samples, so they add up over batches and
    machines.
    """
    xp = array_namespace(X, U)
    Xt, Ut = xp.matrix_transpose(X), xp.matrix_transpose(U)
    WX, WU = (X, U) if weight is None else (weight[:, None] * X, weight[:, None] * U)
    return Quadratic(Xt @ WU, xp.sum(X * WX, axis=0), Ut @ WU)


def accumulate(q: Quadratic, batch: Quadratic, /, *, forget: float | Array = 1.0) -> Quadratic:
    """Return forget·q + batch, in sufficient statistics alone."""
    assert q.gram is not None
    assert batch.gram is not None
    return Quadratic(
        forget * q.cov + batch.cov, forget * q.sq + batch.sq, forget * q.gram + batch.gram
    )


def scaled(q: Quadratic, share: float, /) -> Quadratic:
    """Return share·q, in sufficient statistics alone."""
    assert q.gram is not None
    return Quadratic(share * q.cov, share * q.sq, share * q.gram)


def anchored(q: Quadratic, some: Array, V: Array, weight: float | Array, /) -> Quadratic:
    """Return the dictionary's quadratic with ½ weight·‖V_k − v_k‖² for all it knew of some atoms.

    `some` is (k,) bool, and `weight`, 0-d, the number of samples that would hold them so.
    """
    assert q.gram is not None
    xp = array_namespace(V)
    held = xp.astype(some, q.gram.dtype)
    others, held = 1 - held, held * weight
    cov = q.cov * others + xp.matrix_transpose(V) * held
    if q.gram.ndim == 1:
        return Quadratic(cov, q.sq, q.gram * others + held)
    own = xp.eye(V.shape[0], dtype=held.dtype, device=V.device) * held
    return Quadratic(cov, q.sq, q.gram * (others[:, None] * others) + own)


def product(q: Quadratic, Z: Array, /) -> Array:
    """Return Z·gram, through the factors where no Gram is kept."""
    if q.gram is not None:
        return Z @ q.gram
    assert q.factors is not None
    V = q.factors[1]
    return weighed(q.factors, Z @ V) @ array_namespace(V).matrix_transpose(V)


def correlation(q: Quadratic, Z: Array, /) -> Array:
    """Return cov − Z·gram, minus the gradient; by (X − Z V) Vᵀ where that is less work."""
    if q.factors is not None and (q.gram is None or 2 * q.factors[1].shape[1] < Z.shape[1]):
        X, V = q.factors[:2]
        return weighed(q.factors, X - Z @ V) @ array_namespace(V).matrix_transpose(V)
    return q.cov - product(q, Z)


def residual(q: Quadratic, Z: Array, corr: Array, /) -> tuple[Array, Array]:
    """Return ⟨x, r⟩ and ⟨r, r⟩ of each row's residual r = x − z V, from sums that cancel.

    Their rounding is that of ‖x‖² and of ⟨z, cov⟩: enough to steer by, not to certify with.
    """
    xp = array_namespace(Z)
    xr = q.sq - xp.sum(Z * q.cov, axis=1)
    return xr, xr - xp.sum(Z * corr, axis=1)


def exact(q: Quadratic, Z: Array, /) -> tuple[Array, Array, Array]:
    """Return the correlation, ⟨x, r⟩ and ⟨r, r⟩ from the residual itself, where X is known."""
    if q.factors is None:
        corr = correlation(q, Z)
        return corr, *residual(q, Z, corr)
    X, V = q.factors[:2]
    xp, R = array_namespace(Z), X - Z @ V
    WR = weighed(q.factors, R)
    return WR @ xp.matrix_transpose(V), xp.sum(X * WR, axis=1), xp.sum(R * WR, axis=1)


def squared_error(q: Quadratic, Z: Array, corr: Array, /) -> Array:
    """Return ‖x − z V‖² of each row, from the residual itself where X is known, (n,)."""
    if q.factors is None:
        return residual(q, Z, corr)[1]
    R = q.factors[0] - Z @ q.factors[1]
    return array_namespace(Z).sum(R * weighed(q.factors, R), axis=1)


def relative_gap(gap: Array, sq: Array, /) -> Array:
    """Return gaps in units of ½‖x‖², (n,); as they are where x is 0."""
    return gap / gap_unit(sq)


def gap_unit(sq: Array, /) -> Array:
    """Return what a relative gap is in units of, (n,)."""
    return 0.5 * divisor(sq)


def diagonal(q: Quadratic, /) -> Array:
    """Return the squared norms of the atoms, (k,), or as each row sees them, (n, k)."""
    if q.gram is None:
        assert q.factors is not None
        xp, (_, V, *weight) = array_namespace(q.cov), q.factors
        return weight[0] @ xp.matrix_transpose(V**2) if weight else xp.sum(V**2, axis=1)
    k, diagonal_alone = q.gram.shape[0], q.gram.ndim == 1
    return q.gram if diagonal_alone else array_namespace(q.gram).reshape(q.gram, (-1,))[:: k + 1]


def scaled_atoms(q: Quadratic, size: Array, /) -> Quadratic:
    """Return the quadratic as one of atoms v/size and codes z·size, sizes (k,) above 0."""
    gram = None if q.gram is None else q.gram / (size[:, None] * size[None, :])
    factors = q.factors
    if factors is not None:
        factors = (factors[0], factors[1] / size[:, None], *factors[2:])
    return Quadratic(q.cov / size[None, :], q.sq, gram, factors)


def of_rows(q: Quadratic, index: Array, /) -> Quadratic:
    """Return the quadratic of the samples in index."""
    factors = q.factors
    if factors is not None:
        factors = (take(factors[0], index), factors[1], *(take(w, index) for w in factors[2:]))
    return Quadratic(take(q.cov, index), take(q.sq, index), q.gram, factors)


def spectral_bound(q: Quadratic, /) -> Array:
    """Return a 0-d upper bound on the largest eigenvalue of the Gram, with products alone.

    λmax ≤ ‖G⁸‖_F^⅛, at most k^(1/16) above it; an iterative estimate is a lower bound, and a step
    longer than 1/λmax diverges.
    """
    G, xp = q.gram, array_namespace(q.cov)
    if G is None or (q.factors is not None and q.factors[1].shape[1] < G.shape[0]):
        assert q.factors is not None
        V = q.factors[1]
        G = xp.matrix_transpose(V) @ V  # the same eigenvalues, in the smaller of the two sizes
    largest = divisor(xp.max(xp.abs(G)))
    H = G / largest
    scale = divisor(xp.sqrt(xp.sum(H * H)))
    H = H / scale
    for _ in range(3):
        H = H @ H
    return largest * scale * xp.sum(H * H) ** (1 / 16) * (1 + 1e-5)


def step_length(q: Quadratic, /) -> Array:
    """Return a gradient step, 0-d, that is safe for every row: 1/spectral_bound."""
    return 1 / divisor(spectral_bound(q))  # which is 0 for a dictionary of zeros
