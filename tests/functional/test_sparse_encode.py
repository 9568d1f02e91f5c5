"""`sparse_encode`: scikit-learn's codes, and the caller's Gram and covariance."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gpudict import sparse_encode
from tests.support import oracles, problems

X, V = problems.signal(n=30, d=12, k=10)
ALGORITHMS = ("lasso_cd", "lasso_lars", "lars", "omp", "threshold")


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sparse_encode_agrees_with_scikit_learn(algorithm, positive):
    from sklearn.decomposition import sparse_encode as theirs

    if positive and algorithm in ("lars", "omp"):
        assert (sparse_encode(X, V, algorithm=algorithm, positive=True) >= 0).all()
        return
    options = {"algorithm": algorithm, "positive": positive}
    options |= {} if algorithm in ("lars", "omp") else {"alpha": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = theirs(X, V, max_iter=50_000, **options)
    code = sparse_encode(X, V, **options)
    if "lasso" in algorithm:
        ours, best = (oracles.lasso_objective(X, V, U, 0.1) for U in (code, want))
        assert (ours <= best * (1 + 1e-9)).all()
    if not (positive and algorithm == "lasso_lars"):  # whose codes are not optimal there
        np.testing.assert_allclose(code, want, atol=2e-4)


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "lasso_fista", "lasso_ista"])
def test_gram_and_cov_of_the_caller_are_honoured(algorithm):
    """Those of another dictionary give that dictionary's codes."""
    other = problems.unit(V[::-1] + 0.1)
    options = {"algorithm": algorithm, "max_iter": 20_000}
    options |= {} if algorithm == "omp" else {"alpha": 0.5}
    given = sparse_encode(X, V, gram=other @ other.T, cov=other @ X.T, **options)
    want = sparse_encode(X, other, **options)
    np.testing.assert_allclose(given, want, atol=1e-3)
