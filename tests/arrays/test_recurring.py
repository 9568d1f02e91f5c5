"""Atoms that come again: what was made of them is taken, and never that of others."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.arrays import recurring
from gpudict.arrays.recurring import made_of, standing_for
from gpudict.arrays.threads import quiet
from gpudict.solvers.host import _products
from tests.support import oracles, problems

X, V = problems.signal(n=3, d=6, k=8, seed=0)


@pytest.fixture(autouse=True)
def none_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "_KEPT", [])


def test_made_once():
    made: list[np.ndarray] = []
    for x in (V, V.copy(), np.asfortranarray(V)):
        made_of(standing_for(x), made.append)
    assert len(made) == 1
    assert made[0] is not V
    assert made[0].flags.c_contiguous
    made_of(V, made.append)  # which is not the one that is kept
    made_of(standing_for(np.ones((2, 2))), made.append)
    made_of(standing_for(np.ones((2, 2), np.float32)), made.append)
    assert len(made) == 4
    assert len(recurring._KEPT) == recurring.KEPT


def test_only_what_is_small_is_kept():
    for shape in ((recurring.LONGEST + 1, 1), (2, recurring.MOST)):
        large = np.ones(shape)
        assert standing_for(large) is large
    assert not recurring._KEPT


def coded(v: np.ndarray) -> np.ndarray:
    found = gpudict.encode(X.astype(v.dtype), v, alpha=0.1)
    assert found.converged.all()
    gaps = oracles.lasso_gap(X, v.astype(float), found.Z.astype(float), 0.1)
    assert (gaps <= 1e-5 * (X**2).sum(axis=1)).all()
    return np.asarray(found.Z)


def test_what_is_written_is_another(dtype: str):
    v = V.astype(dtype)
    first = coded(v)
    v[2] = -0.5 * v[3]
    assert (coded(v) != first).any()
    v[...] = V
    np.testing.assert_array_equal(coded(v), first)
    recurring._KEPT.clear()
    np.testing.assert_array_equal(coded(v), first)


def test_what_is_not_finite_is_refused_each_time():
    v = V.copy()
    for _ in range(2):
        coded(v)
        v[1, 1] = np.nan
        for _ in range(2):
            with pytest.raises(ValueError, match="V has NaN or infinity"):
                gpudict.encode(X, v, alpha=0.1)
        v[1, 1] = V[1, 1]


@pytest.mark.compiled
def test_blas_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    """To set its threads, and set them back, takes longer than the code of a row, of any atoms."""
    first = coded(V)
    monkeypatch.setattr(quiet, "make", lambda undo: pytest.fail("BLAS was told something"))
    np.testing.assert_array_equal(coded(V), first)
    coded(V + 1e-3)
    monkeypatch.setattr(_products, "FEW", 0)
    with pytest.raises(pytest.fail.Exception):
        coded(V + 2e-3)
