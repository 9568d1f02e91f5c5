"""Public functions check, inner ones trust: each array is looked through once a call.

Counted where a look is a launch: on the simulated device.
"""

from __future__ import annotations

import warnings

import pytest

import gpudict
from tests.support.problems import signal

X, V = signal(n=60, d=10, k=8)
CODED = {"transform_algorithm": "lasso_cd", "transform_alpha": 0.1}
SHORT = {"alpha": 0.1, "max_iter": 2, "random_state": 0}


def fitted(kind, x, **options):
    """Fit a small estimator."""
    return getattr(gpudict, kind)(4, **SHORT, **options).fit(x)


CALLS = {  # the call, and how many arrays it is given
    "encode": (lambda x, v: gpudict.encode(x, v, alpha=0.1), 2),
    "encode, warm": (lambda x, v: gpudict.encode(x, v, alpha=0.1, init=x @ v.T), 3),
    "sparse_encode": (lambda x, v: gpudict.sparse_encode(x, v, alpha=0.1), 2),
    "sparse_encode, gram": (lambda x, v: gpudict.sparse_encode(x, v, gram=v @ v.T, alpha=0.1), 3),
    "learn": (lambda x, v: gpudict.learn(x, 4, **SHORT), 1),
    "learn, dict_init": (lambda x, v: gpudict.learn(x, 8, **SHORT, dict_init=v), 2),
    "learn_online": (lambda x, v: gpudict.learn_online(x, 4, **SHORT, batch_size=20), 1),
    "dict_learning": (lambda x, v: gpudict.dict_learning(x, 4, **SHORT), 1),
    "dict_learning_online": (lambda x, v: gpudict.dict_learning_online(x, 4, **SHORT), 1),
    "DictionaryLearning": (lambda x, v: fitted("DictionaryLearning", x), 1),
    "MiniBatchDictionaryLearning": (lambda x, v: fitted("MiniBatchDictionaryLearning", x), 1),
    "SparsePCA": (lambda x, v: fitted("SparsePCA", x), 1),
    "MiniBatchSparsePCA": (lambda x, v: fitted("MiniBatchSparsePCA", x), 1),
    "SparseCoder": (lambda x, v: gpudict.SparseCoder(v, **CODED).transform(x), 2),
}


def checks(counts) -> int:
    """Return how often an array was looked through for what is not finite."""
    return sum(op.launches for op in counts.log if op.place.function == "peaks.peak_of")


@pytest.mark.parametrize("name", CALLS)
def test_one_finite_check_an_array(simulated, name: str):
    from benchmarks.standins.simulated import to_device

    call, arrays = CALLS[name]
    x, v = to_device(X), to_device(V)
    with simulated() as counts, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two iterations are few
        call(x, v)
    assert checks(counts) == arrays


def test_methods_of_a_fitted_estimator(simulated):
    """Of X once; of the atoms, which a user may have set, once more."""
    from benchmarks.standins.simulated import to_device

    x, v = to_device(X), to_device(V)
    with simulated():
        coder = gpudict.SparseCoder(v, **CODED).fit(x)
        pca = fitted("SparsePCA", x)
        online = fitted("MiniBatchDictionaryLearning", x)
    for call, arrays in (
        (lambda: coder.transform(x), 2),
        (lambda: pca.transform(x), 1),
        (lambda: online.partial_fit(x), 1),
    ):
        with simulated() as counts:
            call()
        assert checks(counts) == arrays
