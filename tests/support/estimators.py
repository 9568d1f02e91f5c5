"""Small fitted estimators of each kind."""

from __future__ import annotations

from gpudict import (
    DictionaryLearning,
    MiniBatchDictionaryLearning,
    MiniBatchSparsePCA,
    SparseCoder,
    SparsePCA,
)
from tests.support import problems

X, V = problems.signal(n=60, d=12, k=8)
LEARNERS = (DictionaryLearning, MiniBatchDictionaryLearning, SparsePCA, MiniBatchSparsePCA)


def fitted(kind, data=X, **options):
    """Return a small fitted estimator of the kind."""
    if kind is SparseCoder:
        return SparseCoder(V, transform_algorithm="lasso_cd", transform_alpha=0.1).fit(data)
    if kind in (DictionaryLearning, MiniBatchDictionaryLearning):
        options = {"transform_algorithm": "lasso_cd"} | options
    return kind(4, **({"alpha": 0.1, "max_iter": 5, "random_state": 0} | options)).fit(data)
