"""A few rows are coded at once: to the bits of the way that others go, and with its refusals."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import gpudict
from gpudict.coding.few import at_once

pytestmark = pytest.mark.compiled


def data(n: int, k: int, d: int, dtype: str = "float64", seed: int = 0):
    rng = np.random.default_rng(seed)
    V = rng.standard_normal((k, d))
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    return rng.standard_normal((n, d)).astype(dtype), V.astype(dtype)


def outcome(code):
    """Return what a call gives, warns of and raises, so that it can be compared."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = code()
        except (TypeError, ValueError) as error:
            return type(error), str(error)
    told = [str(w.message) for w in said]
    arrays = [a.tobytes() + str(a.dtype).encode() for a in (*found[:3], found.status)]
    return *arrays, found.n_iter, found.history, found.alpha, told


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("n", "k", "d"), [(1, 64, 64), (1, 20, 200), (7, 30, 5), (16, 1, 1), (99, 99, 64)]
)
@pytest.mark.parametrize("positive", [False, True])
def test_the_bits_are_those_of_many(dtype, n, k, d, positive):
    X, V = data(n, k, d, dtype)
    found = gpudict.sparse_encode(X, V, alpha=0.1, positive=positive)
    other = gpudict.encode(X, V, alpha=0.1, positive=positive, tol=None)  # not asked at once
    if d > 1:  # of one atom a row may have no code at all
        assert at_once(X, V, 0.1, positive) is not None
    assert found.tobytes() == other.Z.tobytes()
    quick, slow = (
        outcome(lambda o=o: gpudict.encode(X, V, alpha=0.1, positive=positive, **o))
        for o in ({}, {"tol": None})
    )
    assert quick == slow


X, V = data(2, 8, 5)
FAINT, NAN = X * 1e-150, np.where(X > 1, np.nan, X)
TWINS = np.concatenate(
    [V[:4], V[:4] + 1e-9 * data(4, 8, 5, seed=1)[0]]
)  # a row falls short at first
ODD = {
    "NaN": (NAN, V, 0.1),
    "infinity in V": (X, np.where(np.arange(5) == 2, np.inf, V), 0.1),
    "squares that do not fit": (X * 1e160, V, 0.1),
    "faint": (FAINT, V, 1e-160),
    "a row of zeros": (X * [[1], [0]], V, 0.1),
    "an atom of zeros": (X, V * (np.arange(8) > 0)[:, None], 0.1),
    "a long atom": (X, V * 1e10, 0.1),
    "twins": (X, TWINS, 1e-12),
    "a short atom": (X, V * np.where(np.arange(8) > 0, 1, 1e-100)[:, None], 0.1),
    "alpha is too large": (X, V, 100.0),
    "alpha is 0": (X, V, 0.0),
    "alpha is negative": (X, V, -1.0),
    "alpha is NaN": (X, V, np.nan),
    "alpha is a word": (X, V, "much"),
    "alpha for each": (X, V, np.array([0.1, 0.2])),
    "other features": (X, V[:, :3], 0.1),
    "atoms in float32": (X, V.astype("float32"), 0.1),
    "atoms in float64": (X.astype("float32"), V, 0.1),
    "integers": (np.rint(9 * X).astype(int), V, 0.1),
    "no rows": (X[:0], V, 0.1),
    "a vector": (X[0], V, 0.1),
    "no array": (X.tolist(), V, 0.1),
    "big-endian": (X.astype(">f8"), V.astype(">f8"), 0.1),
    "columns first": (np.asfortranarray(X), np.asfortranarray(V), 0.1),
    "every other": (np.repeat(X, 2, 0)[::2], np.repeat(V, 2, 1)[:, ::2], 0.1),
    "masked": (np.ma.masked_greater(X, 1), V, 0.1),
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_comes_is_as_for_many(name):
    x, v, alpha = ODD[name]
    assert outcome(lambda: gpudict.encode(x, v, alpha=alpha)) == outcome(
        lambda: gpudict.encode(x, v, alpha=alpha, tol=None)
    )


@pytest.mark.parametrize("asked", [{"positive": 1}, {"n_jobs": 0}, {"n_jobs": 1.5}, {"n_jobs": 2}])
def test_whatever_is_asked_is_as_for_many(asked):
    assert outcome(lambda: gpudict.encode(X, V, alpha=0.1, **asked)) == outcome(
        lambda: gpudict.encode(X, V, alpha=0.1, tol=None, **asked)
    )


def test_atoms_that_changed_in_place_are_seen():
    v = V.copy()
    gpudict.encode(X, v, alpha=0.1)
    v[0] *= -1
    now = gpudict.encode(X, v, alpha=0.1)
    np.testing.assert_array_equal(now.Z, gpudict.encode(X, v, alpha=0.1, tol=None).Z)
