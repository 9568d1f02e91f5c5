"""X decides the library, the device and the dtype; what was fitted elsewhere says so."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict import DictionaryLearning, SparseCoder, SparsePCA
from gpudict.arrays.door import array_namespace, device
from tests.support.backends import BackendCase, host
from tests.support.estimators import LEARNERS, X, fitted


@pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
def test_everything_follows(backend: BackendCase, kind):
    data = X[:14, :5] if kind is not SparseCoder else X[:14]
    dX = backend.asarray(data.astype("float32"))
    options = {"max_iter": 2} if kind is not SparseCoder else {}
    learner = fitted(kind, dX, **options)
    back = learner.transform(dX)
    arrays = [back, learner.inverse_transform(back)]
    arrays += [v for k, v in vars(learner).items() if k in ("components_", "mean_", "error_")]
    for a in arrays:
        assert array_namespace(a) is array_namespace(dX)
        assert device(a) == device(dX)
        assert str(a.dtype).endswith("float32")
    want = fitted(kind, data.astype("float32"), **options)
    np.testing.assert_allclose(host(back), want.transform(data), atol=2e-2)


def test_elsewhere_raises_and_says_the_way_out():
    torch = pytest.importorskip("torch")
    there = torch.asarray(X)
    for kind in (*LEARNERS, SparseCoder):
        learner = fitted(kind)
        code = torch.asarray(learner.transform(X))
        for method, given in (("transform", there), ("inverse_transform", code)):
            match = rf"{kind.__name__}.{method}\(\) must use the same namespace.*\.to\(X\)"
            with pytest.raises(ValueError, match=match):
                getattr(learner, method)(given)
        moved = learner.to(there)
        np.testing.assert_allclose(moved.transform(there).numpy(), learner.transform(X), atol=1e-9)
        assert isinstance(learner.transform(X), np.ndarray)


def test_two_devices():
    strict = pytest.importorskip("array_api_strict")
    learner = fitted(DictionaryLearning, strict.asarray(X))
    with pytest.raises(ValueError, match="device1"):
        learner.transform(strict.asarray(X, device=strict.Device("device1")))


@pytest.mark.parametrize("on", [False, True])
def test_dispatch_changes_nothing(on):
    sklearn, torch = pytest.importorskip("sklearn"), pytest.importorskip("torch")
    with sklearn.config_context(array_api_dispatch=on):
        learner = fitted(DictionaryLearning, torch.asarray(X))
        assert isinstance(learner.components_, torch.Tensor)
        assert isinstance(fitted(SparsePCA, X.tolist()).components_, np.ndarray)
