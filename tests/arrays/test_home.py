"""All work is done while the device of the data is the current one."""

from __future__ import annotations

import contextlib
import threading

import pytest

import gpudict
from gpudict.arrays import home
from gpudict.arrays.backends import backend_of
from tests.support import problems

torch = pytest.importorskip("torch")
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

ONLINE = {"alpha": 0.2, "max_iter": 1, "random_state": 0}
LEARN = {"alpha": 0.2, "max_iter": 2, "random_state": 0}


def fitted(kind, X, **options):
    """Return what an estimator gives back from its codes, fitted, moved and fed once more."""
    made = getattr(gpudict, kind)(5, **LEARN, **options).fit(X)
    made.to(X)
    if hasattr(made, "partial_fit"):
        made.partial_fit(X)
    return made.inverse_transform(made.transform(X))


def batches(X):
    """Yield X in two parts."""
    yield X[:15]
    yield X[15:]


ENTRIES = {
    "encode": lambda X, V: gpudict.encode(X, V, alpha=0.1),
    "portable": lambda X, V: gpudict.encode(X, V, alpha=0.1, solver="working_set"),
    "pursuit": lambda X, V: gpudict.encode(X, V, n_nonzero_coefs=2, solver="omp"),
    "learn": lambda X, V: gpudict.learn(X, 5, **LEARN),
    "learn_online": lambda X, V: gpudict.learn_online(X, 5, **ONLINE),
    "stream": lambda X, V: gpudict.learn_online(batches(X), 5, **ONLINE),
    "sparse_encode": lambda X, V: gpudict.sparse_encode(X, V, alpha=0.1),
    "by name": lambda X, V: gpudict.sparse_encode(X=X, dictionary=V, alpha=0.1),
    "dict_learning": lambda X, V: gpudict.dict_learning(X, 5, **LEARN),
    "dict_learning_online": lambda X, V: gpudict.dict_learning_online(X, 5, **ONLINE),
    "SparseCoder": lambda X, V: gpudict.SparseCoder(V).fit(X).transform(X),
    "DictionaryLearning": lambda X, V: fitted("DictionaryLearning", X),
    "fit_transform": lambda X, V: gpudict.DictionaryLearning(5, **LEARN).fit_transform(X),
    "MiniBatchDictionaryLearning": lambda X, V: fitted("MiniBatchDictionaryLearning", X),
    "SparsePCA": lambda X, V: fitted("SparsePCA", X),
    "MiniBatchSparsePCA": lambda X, V: fitted("MiniBatchSparsePCA", X),
}


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.filterwarnings("ignore:.*converge:UserWarning")
def test_every_operation_is_at_home(name: str, monkeypatch: pytest.MonkeyPatch):
    """Whatever users call, by the first array that they give; and they come back as they were."""
    here = threading.local()
    outside = []

    @contextlib.contextmanager
    def at(x):
        here.depth = getattr(here, "depth", 0) + 1
        yield
        here.depth -= 1

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if not getattr(here, "depth", 0):
                outside.append(str(func))
            return func(*args, **(kwargs or {}))

    monkeypatch.setattr(home, "backend_of", lambda xp: backend_of(xp)._replace(home=at))
    X, V, _ = (torch.asarray(a) for a in problems.planted(30, 6, 8, 2, "float64"))
    parts = [X[:15], X[15:]]
    monkeypatch.setitem(globals(), "batches", lambda X: iter(parts))
    with Watch():
        ENTRIES[name](X, V)
    assert outside == []
    assert here.depth == 0
