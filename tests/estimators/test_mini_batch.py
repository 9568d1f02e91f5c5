"""The mini-batch learners: scikit-learn's scores at as many steps, and `partial_fit`."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.decomposition as theirs

import gpudict
from gpudict import MiniBatchDictionaryLearning
from tests.support import problems
from tests.support.estimators import V, X


@pytest.mark.parametrize("kind", ["MiniBatchDictionaryLearning", "MiniBatchSparsePCA"])
def test_mini_batches(kind):
    """At the same number of steps."""
    ratios = []
    for seed in range(8):
        data, _ = problems.signal(n=120, d=12, k=6, seed=seed)
        options = {"alpha": 0.1, "max_iter": 5, "batch_size": 30, "random_state": 0, "tol": 0}
        options |= {"max_no_improvement": None, "verbose": False}
        learned = [getattr(m, kind)(6, **options).fit(data) for m in (gpudict, theirs)]
        steps = [getattr(e, "n_steps_", e.n_iter_) for e in learned]
        assert steps[0] == steps[1]
        ratios.append(np.divide(*(cost(e, data) for e in learned)))
    assert np.median(ratios) <= 1.01


def cost(learned, data):
    if "PCA" in type(learned).__name__:
        return ((data - learned.inverse_transform(learned.transform(data))) ** 2).sum()
    unit = problems.unit(learned.components_)
    code = gpudict.encode(data, unit, alpha=0.1).Z
    return 0.5 * ((data - code @ unit) ** 2).sum() + 0.1 * np.abs(code).sum()


def test_partial_fit_is_the_steps_of_fit():
    options = {"alpha": 0.1, "dict_init": V, "batch_size": 20, "random_state": 0, "tol": 0}
    options |= {"shuffle": False, "max_iter": 1, "max_no_improvement": None}
    whole = MiniBatchDictionaryLearning(8, **options).fit(X)
    parts = MiniBatchDictionaryLearning(8, **options)
    for low in (0, 20, 40):
        parts.partial_fit(X[low : low + 20], sample_weight=np.ones(20))
    np.testing.assert_allclose(parts.components_, whole.components_, atol=1e-12)
    assert parts.n_steps_ == whole.n_steps_ == len(parts.history_) == 3
    whole.partial_fit(X[:20].astype("float32"))
    parts.partial_fit(X[:20].astype("float32"))
    assert whole.components_.dtype == np.float64
    np.testing.assert_allclose(parts.components_, whole.components_, atol=1e-12)
