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

X, V, _ = (torch.asarray(a) for a in problems.planted(30, 6, 8, 2, "float64"))
PARTS = (X[:15], X[15:])  # cut by the user, at no home
ONLINE = {"alpha": 0.2, "max_iter": 1, "random_state": 0}
LEARN = {"alpha": 0.2, "max_iter": 2, "random_state": 0}


def fitted(kind):
    """Return what an estimator gives back from its codes, fitted, moved and fed once more."""
    made = getattr(gpudict, kind)(5, **LEARN).fit(X)
    made.to(X)
    if hasattr(made, "partial_fit"):
        made.partial_fit(X)
    return made.inverse_transform(made.transform(X))


ENTRIES = {
    "encode": lambda: gpudict.encode(X, V, alpha=0.1),
    "portable": lambda: gpudict.encode(X, V, alpha=0.1, solver="working_set"),
    "pursuit": lambda: gpudict.encode(X, V, n_nonzero_coefs=2, solver="omp"),
    "learn": lambda: gpudict.learn(X, 5, **LEARN),
    "learn_online": lambda: gpudict.learn_online(X, 5, **ONLINE),
    "stream": lambda: gpudict.learn_online(iter(PARTS), 5, **ONLINE),
    "sparse_encode": lambda: gpudict.sparse_encode(X, V, alpha=0.1),
    "by name": lambda: gpudict.sparse_encode(X=X, dictionary=V, alpha=0.1),
    "dict_learning": lambda: gpudict.dict_learning(X, 5, **LEARN),
    "dict_learning_online": lambda: gpudict.dict_learning_online(X, 5, **ONLINE),
    "SparseCoder": lambda: gpudict.SparseCoder(V).fit(X).transform(X),
    "DictionaryLearning": lambda: fitted("DictionaryLearning"),
    "fit_transform": lambda: gpudict.DictionaryLearning(5, **LEARN).fit_transform(X),
    "MiniBatchDictionaryLearning": lambda: fitted("MiniBatchDictionaryLearning"),
    "SparsePCA": lambda: fitted("SparsePCA"),
    "MiniBatchSparsePCA": lambda: fitted("MiniBatchSparsePCA"),
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
    with Watch():
        ENTRIES[name]()
    assert outside == []
    assert here.depth == 0
