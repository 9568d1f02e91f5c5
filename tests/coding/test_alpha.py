"""Which alpha: from where on codes are zero, a path of them, and one for a target."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host

X, V = problems.signal(n=24, d=8, k=12)


@pytest.mark.parametrize("positive", [False, True])
def test_alpha_max_is_where_codes_end(backend: BackendCase, dtype: str, positive: bool):
    x, v = (backend.asarray(a.astype(dtype)) for a in (X, V))
    top = gpudict.alpha_max(x, v, positive=positive)
    eps = float(np.finfo(dtype).eps)
    with pytest.warns(UserWarning, match="every code zero"):
        assert not host(gpudict.encode(x, v, alpha=top * (1 + 8 * eps), positive=positive).Z).any()
    below = host(gpudict.encode(x, v, alpha=0.999 * top, positive=positive).Z)
    assert np.count_nonzero(below) == 1


def test_alpha_max_of_streams_chunks_and_nothing():
    da = pytest.importorskip("dask.array")
    top = gpudict.alpha_max(X, V)
    assert top == pytest.approx(np.abs(X @ V.T).max(), rel=1e-14)
    for x in (gpudict.stream(X, batch_size=7), da.from_array(X, chunks=(10, 8))):
        assert gpudict.alpha_max(x, V) == pytest.approx(top, rel=1e-14)
    assert gpudict.alpha_max(-np.eye(3), np.eye(3), positive=True) == 0


@pytest.mark.parametrize("positive", [False, True])
def test_a_path_is_the_codes_of_each_alpha(backend: BackendCase, positive: bool):
    x, v = backend.asarray(X), backend.asarray(V)
    path = gpudict.encode_path(x, v, n_alphas=4, eps=1e-2, positive=positive, tol=1e-10)
    top = gpudict.alpha_max(X, V, positive=positive)
    np.testing.assert_allclose(path.alphas, np.geomspace(top, 1e-2 * top, 4))
    codes, spread = host(path.codes), ((X - X.mean(axis=0)) ** 2).sum()
    assert host(path.converged).all()
    for i, alpha in enumerate(path.alphas[1:], 1):
        Z = gpudict.encode(X, V, alpha=alpha, positive=positive, tol=1e-10).Z
        np.testing.assert_allclose(codes[i], Z, atol=1e-4)
        assert path.nonzeros[i] == np.count_nonzero(codes[i]) / 24
        assert path.objective[i] == pytest.approx(
            oracles.lasso_objective(X, V, codes[i], alpha).sum(), rel=1e-12
        )
        left = ((X - codes[i] @ V) ** 2).sum()
        assert path.explained_variance[i] == pytest.approx(1 - left / spread, rel=1e-12)
        gap = oracles.lasso_gap(X, V, codes[i], alpha, positive)
        assert (host(path.gaps)[i] >= gap - 1e-12).all()


def test_alphas_of_a_path_are_sorted_and_may_be_nought():
    path = gpudict.encode_path(X, V, [0.0, 1.0, 0.5], sparse_output=True)
    assert path.alphas.tolist() == [1.0, 0.5, 0.0]
    for Z, alpha in zip(path.codes, path.alphas, strict=True):
        made = gpudict.encode(X, V, alpha=alpha, sparse_output=True).Z
        np.testing.assert_allclose(Z.toarray(), made.toarray(), atol=1e-6)
    assert np.isnan(gpudict.encode_path(X[:1], V, [0.1]).explained_variance).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alphas": [[1.0]]}, "alphas must be"),
        ({"alphas": [-1.0]}, "alphas must be"),
        ({"eps": 1}, "eps must be between"),
        ({"n_alphas": 0}, "n_alphas must be at least 1"),
        ({"V": np.zeros((2, 8))}, "No entry of X Vᵀ"),
    ],
)
def test_refused_paths(options: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        gpudict.encode_path(X, options.pop("V", V), **options)
