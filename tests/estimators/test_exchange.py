"""Models to and from scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.decomposition as theirs

from gpudict import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder, SparsePCA
from gpudict.learning import online
from tests.support import oracles, problems
from tests.support.estimators import LEARNERS, X, fitted


@pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
def test_there_and_back(kind):
    learner = fitted(kind)
    there = learner.to_sklearn()
    assert type(there) is getattr(theirs, kind.__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(there.transform(X), learner.transform(X), atol=1e-4)
    back = kind.from_sklearn(there)
    np.testing.assert_array_equal(back.transform(X), learner.transform(X))
    torch = pytest.importorskip("torch")
    moved = kind.from_sklearn(there, like=torch.asarray(X))
    assert isinstance(moved.transform(torch.asarray(X)), torch.Tensor)


def test_both_go_on_learning(monkeypatch: pytest.MonkeyPatch):
    """Alike, if we forgot as scikit-learn does."""
    monkeypatch.setattr(online, "shares", oracles.scikit_learns_forgetting(50))
    monkeypatch.setattr(online, "anchor", lambda size: 0.0)
    monkeypatch.setattr(online, "dictionary_of", lambda state, update: state.atoms)
    data, start = problems.on_the_sphere(1)
    options = {"alpha": 0.15, "fit_algorithm": "cd", "dict_init": start, "random_state": 0}
    options |= {"transform_max_iter": 50_000, "batch_size": 50}
    learner = MiniBatchDictionaryLearning(8, **options).partial_fit(data[:50])
    there = learner.to_sklearn().partial_fit(data[50:])
    again = MiniBatchDictionaryLearning.from_sklearn(learner.to_sklearn())
    for one in (again, learner):
        one.partial_fit(data[50:])
    np.testing.assert_allclose(there.components_, learner.components_, atol=1e-5)
    np.testing.assert_array_equal(again.components_, learner.components_)


def test_what_can_not_go_there():
    with pytest.raises(ValueError, match=r"fit_algorithm='omp' has no counterpart.*'cd'"):
        DictionaryLearning(fit_algorithm="omp").to_sklearn()
    with pytest.raises(ValueError, match=r"transform_algorithm='ols' has no counterpart.*'omp'"):
        SparseCoder(np.eye(2), transform_algorithm="ols").to_sklearn()
    with pytest.raises(TypeError, match="needs scikit-learn's SparsePCA, but a PCA came"):
        SparsePCA.from_sklearn(theirs.PCA())
    there = DictionaryLearning(
        fit_algorithm="fista",
        transform_algorithm="lasso_ista",
        dict_init="data",
        callback=print,
    ).to_sklearn()
    assert (there.fit_algorithm, there.transform_algorithm) == ("cd", "lasso_cd")
    assert there.callback is there.dict_init is None
