"""A batch that failed is gone, reserves and errors too, before half of it is tried."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from gpudict.arrays import batches
from gpudict.arrays.backends import backend_of


def test_reserves_go_back_before_the_retry(monkeypatch):
    """When nothing of the failed batch is alive that would stay in them."""
    alive, order = [], []

    def job(here):
        if here.stop - here.start > 2:
            held = np.ones(3)
            alive.append(weakref.ref(held))
            raise MemoryError
        assert all(ref() is None for ref in alive), "a piece of the batch is still alive"
        order.append("solved")
        found = np.ones(here.stop - here.start)
        alive.append(weakref.ref(found))
        return found

    def give_back(x):
        assert all(ref() is None for ref in alive)
        order.append("given back")

    row = backend_of(np)._replace(give_back=give_back)
    monkeypatch.setattr(batches, "backend_of", lambda xp: row)
    done = []
    for here, found in batches.in_batches(job, 8, 8, np.ones(1)):
        done.append((here, found.shape))
        del found
    assert done == [(slice(low, low + 2), (2,)) for low in range(0, 8, 2)]
    assert order == ["given back", "given back", *["solved"] * 4]


def test_a_chain_of_errors_holds_no_arrays():
    """Not the error, nor that during whose handling it came."""
    refs = []

    def inner():
        a = np.ones(3)
        refs.append(weakref.ref(a))
        raise MemoryError

    def outer():
        b = np.ones(3)
        refs.append(weakref.ref(b))
        try:
            inner()
        except MemoryError as error:
            kept.append(error)
            raise ValueError from error

    kept: list[BaseException] = []
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        outer()
    assert all(ref() is not None for ref in refs)
    batches.let_go(caught.value)
    assert all(ref() is None for ref in refs)
