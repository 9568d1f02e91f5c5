"""`SparseCoder`: codes in two halves, and it goes anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict import SparseCoder
from tests.support.backends import BackendCase, host
from tests.support.estimators import V, X, fitted


def test_split_sign():
    coder = fitted(SparseCoder).set_params(split_sign=True)
    parts = coder.transform(X)
    assert parts.shape == (60, 16)
    assert (parts >= 0).all()
    assert len(coder.get_feature_names_out()) == 16
    np.testing.assert_allclose(coder.inverse_transform(parts), fitted(SparseCoder).transform(X) @ V)
    with pytest.raises(ValueError, match="Expected 16, got 8"):
        coder.inverse_transform(parts[:, :8])


def test_a_coder_that_was_never_fitted_goes_anywhere(backend: BackendCase):
    coder = SparseCoder(V, transform_algorithm="lasso_lars", transform_alpha=0.1)
    code = coder.transform(backend.asarray(X[:5]))
    np.testing.assert_allclose(host(code), coder.transform(X[:5]), atol=1e-10)
