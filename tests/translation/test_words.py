"""What scikit-learn's words mean: array-likes, alpha of a pursuit, its warning."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict import SparseCoder, dict_learning, dict_learning_online, sparse_encode
from tests.support import problems

X, V = problems.signal(n=30, d=12, k=10)


def test_array_likes():
    code = sparse_encode(X.tolist(), V.tolist(), alpha=0.1)
    np.testing.assert_array_equal(code, sparse_encode(X, V, alpha=0.1))
    np.testing.assert_array_equal(code, sparse_encode(X, V, alpha=0.1, check_input=False))


def test_omp_to_an_error():
    """alpha is the squared error to reach, as scikit-learn documents; a number of atoms wins."""
    code = sparse_encode(X, V, algorithm="omp", alpha=1.5)
    assert (((X - code @ V) ** 2).sum(axis=1) <= 1.5).all()
    assert len({*np.count_nonzero(code, axis=1)}) > 1
    three = sparse_encode(X, V, algorithm="omp", alpha=1.5, n_nonzero_coefs=3)
    assert (np.count_nonzero(three, axis=1) == 3).all()


def test_omp_learns_without_alpha():
    code, dictionary, errors = dict_learning(
        X, 10, alpha=7, method="omp", random_state=0, max_iter=5
    )
    assert (np.count_nonzero(code, axis=1) <= 1).all()
    np.testing.assert_allclose(errors[-1], 0.5 * ((X - code @ dictionary) ** 2).sum())


def test_convergence_warning():
    """Where the limit of iterations leaves a gap, and nowhere else; the sentence says how large."""
    from sklearn.exceptions import ConvergenceWarning

    short = {"alpha": 0.01, "method": "ista", "method_max_iter": 2}
    for call, said in (
        (
            lambda: sparse_encode(X, V, alpha=0.01, algorithm="lasso_ista", max_iter=1),
            r"30 of 30 codes did not converge in 1 it.*gap is",
        ),
        (
            lambda: SparseCoder(
                V, transform_algorithm="lasso_ista", transform_max_iter=1
            ).transform(X),
            "14 of 30 codes did not",
        ),
        (lambda: dict_learning(X, 5, max_iter=2, **short), "missed their tolerance after 2 steps"),
        (lambda: dict_learning_online(X, 5, max_iter=1, return_code=False, **short), "missed"),
    ):
        with pytest.warns(ConvergenceWarning, match=said) as given:
            call()
        assert given[0].filename == __file__, "it points at the line of the user"
    for algorithm in ("lasso_cd", "lasso_lars", "threshold", "omp", "lars"):
        sparse_encode(
            X, V, algorithm=algorithm, n_nonzero_coefs=2 if "lasso" not in algorithm else None
        )
