"""Where atoms come from: the start, its normalisation, and the revival of atoms that no code uses.

This is policy, outside every loop. All draws are made on the host with one generator, so that a
seed gives the same atoms on every backend.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays import check, parameters
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    divisor,
    index_like,
    precise,
    take,
    to_host,
)
from gpudict.learning.codes import Dense
from gpudict.learning.samples import Samples
from gpudict.objective.quadratic import Quadratic, diagonal

UNUSED = 1e-6  # an atom is unused when its A_kk is at most this share of a sample's ‖x‖²
ENOUGH, FEW = 4, 256  # samples an atom, and the least, that stand for all in a start
NOISE = 0.01  # length of the noise on a revived atom, relative to the atom


def start(
    samples: Samples, k: int, first: Any, code_init: Any, rng: Any, *, positive: bool
) -> tuple[Array, Array | None]:
    """Return unit atoms (k, d), none of them zero, and the codes (n, k) that came with them.

    From what `given` returns.
    """
    X = samples.X
    xp, n = array_namespace(X), X.shape[0]
    V, U = first, None
    if isinstance(first, str):
        with precise(X):
            svd = first == "svd"
            V, U = svd_start(samples, k) if svd else (drawn(samples, k, rng, positive), None)
    if code_init is not None:
        U = check.matrix(code_init, "code_init", like=X)
        check.shaped(U, "code_init", (n, None), "there is a code for each row of X")
    U = None if U is None else fitted(U, k, axis=-1)
    V, U = normalised(fitted(V, k, axis=-2), U, positive=positive)
    empty = to_host(~xp.any(V != 0, axis=1))
    if empty.any():
        V = revived(V, empty, samples, rng, positive=positive)
        U = None if U is None else Dense(U).without(empty).array()
    return V, U


def given(dict_init: Any, X: Array) -> Any:
    """Return the name of a start, or the atoms (m, d) that were given for one, checked."""
    if dict_init is None or isinstance(dict_init, str):
        return parameters.choice(dict_init or "svd", "dict_init", ("svd", "data"))
    return check.shaped(
        check.matrix(dict_init, "dict_init", like=X), "dict_init", (None, X.shape[1]),
        "an atom has as many features as a row of X",
    )  # fmt: skip


def svd_start(samples: Samples, k: int) -> tuple[Array, Array]:
    """Return unit atoms (k, d) and codes (n, k) from the SVD of X, zero past its numerical rank.

    X may be many such, (b, n, d), if there are no weights.
    As scikit-learn's start, X = (U S) V, the sign of each pair such that the largest entry of its
    column of U is positive; here S is in the codes, where scikit-learn has it in the atoms. With
    weights it is the SVD of the rows √w x, and only samples that have a weight set the signs.
    """
    X, weight = samples[:2]
    xp = array_namespace(X)
    rows = samples.rooted()
    if hasattr(xp, "linalg"):
        U, S, V = xp.linalg.svd(rows, full_matrices=False)
    else:
        U, S, V = (asarray_like(a, X) for a in np.linalg.svd(to_host(rows), full_matrices=False))
    real = S[..., :1] * max(X.shape[-2:]) * float(xp.finfo(X.dtype).eps) < S
    V = xp.where(real[..., None], V, xp.zeros_like(V))
    S = xp.where(real, S, xp.zeros_like(S))
    U = U * S[..., None, :] if weight is None else X @ xp.matrix_transpose(V)
    flip = flips(U if weight is None else xp.where(weight[:, None] > 0, U, xp.zeros_like(U)))
    return fitted(V * flip[..., None], k, axis=-2), fitted(U * flip[..., None, :], k, axis=-1)


def sampled(samples: Samples, k: int, rng: Any) -> Samples:
    """Return so many of the samples that their SVD has the directions of all, for k atoms.

    All of them, where there are few; by their weights, of which the drawn ones have none.
    """
    most = enough(samples.X, k)
    if samples.X.shape[0] <= most:
        return samples
    return Samples.of(take(samples.X, index_like(choice(samples, most, rng), samples.X)))


def enough(X: Array, k: int) -> int:
    """Return how many rows of such data have the directions of all, for k atoms."""
    return max(k, ENOUGH * min(k, int(X.shape[1])), FEW)


def flips(U: Array) -> Array:
    """Return the signs (…, k) that make the largest entry of columns of U (…, n, k) positive."""
    xp = array_namespace(U)
    peak = xp.argmax(xp.abs(U), axis=-2, keepdims=True)
    below = xp.take_along_axis(U, peak, axis=-2)[..., 0, :] < 0
    one = xp.ones_like(U[..., 0, :])
    return xp.where(below, -one, one)


def fitted(x: Array, k: int, *, axis: int) -> Array:
    """Return x cut or padded with zeros to length k along the axis."""
    xp = array_namespace(x)
    missing = k - x.shape[axis]
    if missing <= 0:
        return x[..., :k, :] if axis == -2 else x[..., :k]
    *lead, n, m = x.shape
    shape = (*lead, missing, m) if axis == -2 else (*lead, n, missing)
    return xp.concat([x, xp.zeros(shape, dtype=x.dtype, device=x.device)], axis=axis)


def normalised(V: Array, U: Array | None, *, positive: bool) -> tuple[Array, Array | None]:
    """Return V with unit rows, its norms moved into U, so that U V stays; zero rows stay zero.

    With `positive`, negative entries are cut first: then U V changes.
    """
    xp = array_namespace(V)
    V = xp.maximum(V, xp.zeros_like(V)) if positive else V
    size = xp.max(xp.abs(V), axis=-1, keepdims=True)  # first to size 1: squares must not vanish
    scaled = V / divisor(size)
    length = xp.sqrt(xp.sum(scaled * scaled, axis=-1, keepdims=True))
    V = scaled / divisor(length)
    return V, None if U is None else U * xp.matrix_transpose(size * length)


def unused(q: Quadratic, scale: Array) -> Array:
    """Return which atoms are unused, (k,) bool: by the codes' statistics and a sample's ‖x‖²."""
    return diagonal(q) <= UNUSED * scale


def revived(V: Array, dead: np.ndarray, samples: Samples, rng: Any, *, positive: bool) -> Array:
    """Return V with the dead atoms drawn anew from the data.

    A new atom is the direction of a random sample with 1 % of noise, so that two atoms from one
    sample differ; of a zero sample, a random direction.

    Parameters
    ----------
    dead : numpy.ndarray (k,) of bool, on the host
    """
    xp = array_namespace(V)
    where = asarray_like(dead, V, xp.bool)
    atoms = fitted_rows(drawn(samples, int(dead.sum()), rng, positive), dead, V)
    return xp.where(where[:, None], atoms, V)


def drawn(samples: Samples, count: int, rng: Any, positive: bool) -> Array:
    """Return `count` unit atoms from random samples, different ones while there are enough.

    A sample is drawn as often as its weight says.
    """
    index = index_like(choice(samples, count, rng), samples.X)
    return nudged(take(samples.X, index), rng, positive)


def nudged(rows: Array, rng: Any, positive: bool) -> Array:
    """Return the directions of rows (…, k, d) with 1 % of noise; of a zero row a random one."""
    noise = rng.normal(size=rows.shape[-2:]) * (NOISE / np.sqrt(rows.shape[-1]))
    units, _ = normalised(rows, None, positive=positive)
    noise = asarray_like(np.abs(noise) if positive else noise, rows)
    return normalised(units + noise, None, positive=positive)[0]


def choice(samples: Samples, count: int, rng: Any) -> np.ndarray:
    """Return the numbers of `count` random samples, different ones while there are enough."""
    n = samples.X.shape[0]
    share, enough = None, n
    if samples.weight is not None:
        weight = to_host(samples.weight).astype(np.float64)
        share, enough = weight / weight.sum(), np.count_nonzero(weight)
    return np.asarray(rng.choice(n, size=count, replace=count > enough, p=share))


def fitted_rows(atoms: Array, dead: np.ndarray, V: Array) -> Array:
    """Return an array like V with the atoms, in order, in the rows that are dead."""
    place = np.maximum(np.cumsum(dead) - 1, 0)
    return take(atoms, index_like(place, V))
