"""Estimators that are told what codes shall be like, and find the alpha for it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import gpudict
from gpudict import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder
from tests.support import problems

X, V = problems.signal(n=300, d=10, k=16)
X = 50 * X
LASSO = {"transform_algorithm": "lasso_cd"}
GOAL = {"target_nonzeros": 3.0}


def count(code):
    """Return the mean of the non-zeros a row."""
    return np.count_nonzero(code) / len(code)


def fits():
    """Yield estimators that are fitted, each in its way."""
    yield DictionaryLearning(16, max_iter=30, random_state=0, **GOAL, **LASSO).fit(X)
    online = MiniBatchDictionaryLearning(16, batch_size=50, random_state=0, **GOAL, **LASSO)
    yield clone(online).fit(X)
    for low in range(0, 60 * 50, 50):
        online.partial_fit(X[low % 300 : low % 300 + 50])
    yield online
    yield SparseCoder(V, **GOAL, **LASSO).fit(X)


def test_alpha_is_found_kept_and_used(tmp_path):
    for learner in fits():
        code = learner.transform(X)
        assert count(code) == pytest.approx(3, rel=0.1)
        found = gpudict.encode(X, learner._atoms(X), alpha=learner.alpha_)
        np.testing.assert_array_equal(code, found.Z)
        learner.save(tmp_path / "model")
        again = gpudict.load(tmp_path / "model")
        assert (again.alpha_, again.target_nonzeros) == (learner.alpha_, 3.0)
        np.testing.assert_array_equal(again.transform(X), code)
        theirs = learner.to_sklearn()
        assert learner.alpha_ in (getattr(theirs, "alpha", None), theirs.transform_alpha)


def test_an_alpha_that_is_given_is_kept_too():
    assert DictionaryLearning(4, alpha=0.5, max_iter=2).fit(X).alpha_ == 0.5
    assert not hasattr(DictionaryLearning(4, max_iter=2, fit_algorithm="omp").fit(X), "alpha_")


@pytest.mark.parametrize(
    ("learner", "sentence"),
    [
        (DictionaryLearning(8, alpha=0.5, **GOAL), "Both target_nonzeros and alpha=0.5"),
        (DictionaryLearning(8, fit_algorithm="omp", **GOAL), "a pursuit"),
        (DictionaryLearning(8, target_nonzeros=8), "above 0 and below 8"),
        (SparseCoder(V, **GOAL), "transform_algorithm='omp'"),
        (SparseCoder(V, **GOAL, **LASSO, transform_alpha=1.0), "Both target_nonzeros and alpha"),
    ],
)
def test_nonsense_is_refused(learner, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        learner.fit(X)


def test_without_a_fit_there_is_no_alpha():
    with pytest.raises(NotFittedError, match="Call fit with the data"):
        SparseCoder(V, **GOAL, **LASSO).transform(X)
