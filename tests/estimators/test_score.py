"""Estimators score data by the variance that they explain, wherever the rows are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

import gpudict
from gpudict import DictionaryLearning, MiniBatchSparsePCA, SparseCoder, SparsePCA
from gpudict.objective.explained import shares
from tests.support.backends import BackendCase, host
from tests.support.estimators import LEARNERS, X, fitted


@pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
def test_a_score_is_the_explained_variance(kind, backend: BackendCase, tmp_path: Path):
    far = X + 3
    learner = fitted(kind, far)
    there = learner.inverse_transform(learner.transform(far))
    want = 1 - ((far - there) ** 2).sum() / ((far - far.mean(0)) ** 2).sum()
    assert learner.score(far) == pytest.approx(want, abs=1e-10)
    rows = backend.asarray(far)
    assert learner.to(rows).score(rows) == pytest.approx(want, abs=1e-8)
    np.save(tmp_path / "X.npy", far)
    da = pytest.importorskip("dask.array").from_array(far, chunks=(17, far.shape[1]))
    for given in (
        far.tolist(),
        sp.csr_array(far),
        gpudict.stream(tmp_path / "X.npy", batch_size=17),
        da,
    ):
        assert learner.score(given) == pytest.approx(want, abs=1e-10)


def test_a_search_finds_what_explains_most():
    search = GridSearchCV(
        DictionaryLearning(max_iter=3, random_state=0),
        {"n_components": [2, 6], "transform_n_nonzero_coefs": [1, 2]},
        cv=2,
    ).fit(X)
    assert search.best_params_ == {"n_components": 6, "transform_n_nonzero_coefs": 2}
    split = DictionaryLearning(4, alpha=0.1, max_iter=2, random_state=0).fit(X)
    score = split.score(X)
    assert split.set_params(split_sign=True).score(X) == pytest.approx(score)
    assert SparseCoder(np.eye(3)).fit(np.ones((4, 3))).score(np.ones((4, 3))) in (0.0, 1.0)


@pytest.mark.parametrize("kind", [SparsePCA, MiniBatchSparsePCA])
def test_shares_of_components_are_those_of_the_projection(kind, backend: BackendCase):
    """One after the other, nothing twice; all together they are the score without a ridge."""
    rows = backend.asarray(X)
    learner = kind(4, alpha=0.1, ridge_alpha=0, max_iter=2, random_state=0).fit(rows)
    found = host(learner.explained_variance_ratio_)
    centred, V = X - X.mean(0), host(learner.components_)
    before = 0.0
    for j, share in enumerate(found):
        Q = np.linalg.svd(V[: j + 1], full_matrices=False)[2]
        now = ((centred @ Q.T) ** 2).sum() / (centred**2).sum()
        assert share == pytest.approx(now - before, abs=1e-8)
        before = now
    assert found.sum() == pytest.approx(learner.score(rows), abs=1e-8)
    read = kind(4, alpha=0.1, max_iter=2, random_state=0).fit(sp.csr_array(X))
    np.testing.assert_allclose(read.explained_variance_ratio_, found, atol=1e-6)


def test_components_that_add_nothing_have_no_share():
    """Zeros, copies, sums of others, more than there are features; of orthogonal ones, PCA's."""
    centred = X - X.mean(0)
    pca = PCA(3).fit(X)
    a, b, c = pca.components_
    want = np.array([pca.explained_variance_ratio_[i] for i in range(3)])
    found = shares(centred.T, np.stack([0 * a, a, b, a, a - b, c, *np.eye(X.shape[1])]))
    np.testing.assert_allclose(found[:6], [0, want[0], want[1], 0, 0, want[2]], atol=1e-12)
    assert found.sum() == pytest.approx(1)
    assert shares(centred.T, 0 * pca.components_).tolist() == [0, 0, 0]
    assert shares(0 * centred.T, pca.components_).tolist() == [0, 0, 0]
