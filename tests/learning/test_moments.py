"""Moments of rows are those of their parts, merged, and their root has the inner products."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

from gpudict.learning import summed
from gpudict.learning.moments import Moments
from gpudict.learning.samples import Samples
from gpudict.learning.summed import moments_of
from tests.support.backends import BackendCase, host

CUTS = [0, 0, 1, 40, 41, 90]


def rows(offset: float) -> np.ndarray:
    """Return rows far from 0, with features of all lengths."""
    rng = np.random.default_rng(0)
    return (rng.standard_normal((90, 7)) + offset * rng.standard_normal(7)) * 10.0 ** np.arange(7)


def scatter(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return it in more digits where there are some, in units of the features' lengths."""
    X, w = X.astype(np.longdouble), w.astype(np.longdouble)
    X = X - w @ X / w.sum()
    return (X.T @ (X * w[:, None])).astype(np.float64)


def close(found: Moments, X: np.ndarray, w: np.ndarray, rtol: float = 1e-10) -> None:
    """Judge them in units of each feature, and their root."""
    want = scatter(X, w)
    length = np.sqrt(np.diag(want))
    root = host(found.root())
    for made in (host(found.scatter), root @ root.T):
        np.testing.assert_allclose(made / length / length[:, None], want / length / length[:, None],
                                   atol=rtol)  # fmt: skip
    np.testing.assert_allclose(host(found.mean), w @ X / w.sum(), rtol=max(rtol * 1e-3, 1e-13))
    assert found.total == pytest.approx(w.sum(), rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("offset", [0, 1e9])
def test_parts_merge(
    backend: BackendCase, weighted: bool, offset: float, monkeypatch: pytest.MonkeyPatch
):
    """In order, in a tree, and from behind, with parts that are empty or have no weight."""
    with backend.temper():
        X = rows(offset)
        w = np.where(np.arange(90) < 1, 0, np.arange(90) % 4 / 2) if weighted else np.ones(90)
        monkeypatch.setattr(summed, "NUMBERS", 17 * 7)
        whole, _ = moments_of(backend.asarray(X), w if weighted else None)
        given = Samples.weighed(backend.asarray(X), backend.asarray(w) if weighted else None)
        parts = [Moments.of(given.rows(slice(low, high))) for low, high in pairwise(CUTS)]
        tree = parts[0].merge(parts[1]).merge(parts[2].merge(*parts[3:]))
        for found in (whole, reduce(Moments.merge, parts), tree,
                      reduce(Moments.merge, parts[::-1])):  # fmt: skip
            close(found, X, w)
            assert found.rows == 90


def test_single_precision_is_summed_in_double(backend: BackendCase):
    X = rows(100.0).astype("float32")
    with backend.temper():
        found = moments_of(backend.asarray(X))[0]
        close(found, X.astype(np.float64), np.ones(90))


def test_the_root_is_the_triangle_of_the_centred_rows():
    """As a QR of them finds it; of rank r it has r columns, and one where there is nothing."""
    X = rows(10.0)
    want = np.linalg.qr(X - X.mean(axis=0))[1].T
    want = want * np.sign(np.diag(want))
    found = Moments.of(Samples.of(X)).root()
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)
    few = np.column_stack([X[:5, :2], X[:5, 0] - 2 * X[:5, 1], np.ones(5), X[:5]])
    root = Moments.of(Samples.of(few)).root()
    assert root.shape == (11, 4)
    np.testing.assert_allclose(root @ root.T, scatter(few, np.ones(5)), rtol=1e-9, atol=1e-9)
    assert (Moments.of(Samples.of(np.ones((5, 3)))).root() == np.zeros((3, 1))).all()
