"""Memory that is not enough: the errors that say so, and products that raise them."""

from __future__ import annotations

import weakref

import numpy as np

from gpudict.coding import request
from gpudict.learning import codes
from tests.support.backends import CASES

PORTABLE = [c for c in CASES if c.name in ("numpy-readonly", "torch-cpu", "strict-device1")]


def errors(name):
    """The errors by which a library says that memory was not enough."""
    if name != "torch-cpu":
        return (MemoryError("no memory"),)
    import torch

    words = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    return (
        MemoryError("no memory"),
        torch.OutOfMemoryError("known by its type"),
        RuntimeError(words),
    )


def limit_rows(monkeypatch, error, most):
    """Let every product of more than `most` rows end in the error; return what each call got.

    Before a call none of the arrays of one that failed may be alive.
    """
    seen, left = [], []

    def limited(module, name, rows_of):
        real = getattr(module, name)

        def call(*args, **kwargs):
            n = rows_of(*args).shape[0]
            assert not any(ref() is not None for ref in left), "a failed batch is still alive"
            seen.append(n)
            if n > most:
                held = np.ones(n)  # stands for the arrays of the failed batch
                left.append(weakref.ref(held))
                raise error
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    limited(request, "by_factors", lambda X, V: X)
    limited(codes, "statistics", lambda X, U, weight: X)
    limited(codes, "half_square", lambda R: R)
    return seen


def failing(error, *args):
    """Raise the error."""
    raise error
