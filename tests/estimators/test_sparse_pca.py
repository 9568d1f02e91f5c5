"""`SparsePCA`: the components of scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import sklearn.decomposition as theirs

from gpudict import SparsePCA
from tests.support import problems


def test_sparse_pca():
    """The components of both agree where both converge."""
    data, _ = problems.signal(n=60, d=8, k=3)
    options = {"alpha": 0.5, "max_iter": 500, "tol": 1e-12, "method": "lars", "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = theirs.SparsePCA(3, **options).fit(data)
    ours = SparsePCA(3, **options).fit(data)
    np.testing.assert_allclose(ours.components_, want.components_, atol=1e-4)
    np.testing.assert_allclose(ours.transform(data), want.transform(data), atol=1e-3)
    assert ours.n_components_ == 3
    assert ours.converged_
