"""Online learning reads a stream batch by batch, and ends where it does from an array."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import gpudict
from gpudict.arrays.sources import mixing
from tests.support import problems

KEPT = {"alpha": 0.1, "tol": 0, "max_no_improvement": None, "random_state": 0}


def test_unshuffled_it_is_the_array(tmp_path: Path):
    """From the same atoms, the same batches: the same bits."""
    X, V = problems.signal(n=300, d=16, k=24)
    options = {**KEPT, "dict_init": V, "batch_size": 32, "max_iter": 2, "shuffle": False}
    want = gpudict.learn_online(X, 24, **options)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    weights = np.ones(300)
    for source, more in (
        (mapped, {}),
        (sp.csr_array(X), {}),
        (gpudict.stream(tmp_path / "X.npy", batch_size=32), {"batch_size": 7}),
        (mapped, {"sample_weight": weights}),
    ):
        found = gpudict.learn_online(source, 24, **{**options, **more})
        np.testing.assert_allclose(found.dictionary, want.dictionary, atol=1e-12)
        assert found.n_iter == 2
        assert len(found.history) == len(want.history) == 20


def test_rows_without_weight_are_not_there():
    X, V = problems.signal(n=300, d=16, k=24)
    weight = np.where(np.arange(300) < 100, 0.0, 1.0)
    options = {**KEPT, "dict_init": V, "batch_size": 50, "max_iter": 1, "shuffle": False}
    want = gpudict.learn_online(X[100:], 24, **options)
    found = gpudict.learn_online(gpudict.stream(X), 24, sample_weight=weight, **options)
    np.testing.assert_allclose(found.dictionary, want.dictionary, atol=1e-12)
    with pytest.raises(ValueError, match=r"but \(300,\) is needed"):
        gpudict.learn_online(gpudict.stream(X), 24, sample_weight=weight[:9], **options)


def test_a_run_goes_on_with_its_data_and_weights(tmp_path: Path):
    """Of a stream, too, rows are looked at from all over it."""
    X, _ = problems.signal(n=300, d=16, k=24)
    other, weight = X.copy(), np.linspace(1, 2, 300)
    other[100:] *= -2
    options = {**KEPT, "batch_size": 50, "max_iter": 2, "checkpoint": tmp_path / "run"}
    learn = partial(gpudict.learn_online, n_components=24, **options)
    want = learn(gpudict.stream(X), sample_weight=weight)
    found = learn(gpudict.stream(X), sample_weight=weight, resume=True)
    np.testing.assert_array_equal(found.dictionary, want.dictionary)
    with pytest.raises(ValueError, match="another run: X had other values"):
        learn(gpudict.stream(other), sample_weight=weight, resume=True)
    for weights in (None, weight[::-1]):
        with pytest.raises(ValueError, match="another run: sample_weight"):
            learn(gpudict.stream(X), sample_weight=weights, resume=True)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("start", [None, "svd", "data"])
def test_it_learns_as_well(shuffle: bool, start: str | None, monkeypatch: pytest.MonkeyPatch):
    """Within 2 % of the array's, though of sorted rows few blocks are mixed at a time."""
    X, _ = problems.signal(n=1200, d=16, k=24)
    X = X[np.argsort(X[:, 0])]
    monkeypatch.setattr(mixing, "BLOCK", 10 * 8 * 16)
    monkeypatch.setattr(mixing, "MIXED", 300 * 8 * 16)

    def value(source):
        found = gpudict.learn_online(
            source, 24, batch_size=50, max_iter=6, shuffle=shuffle, dict_init=start, **KEPT
        )
        Z = gpudict.encode(X, found.dictionary, alpha=0.1).Z
        return 0.5 * ((X - Z @ found.dictionary) ** 2).sum() + 0.1 * np.abs(Z).sum()

    assert value(gpudict.stream(X)) < 1.02 * value(X)


def test_a_seed_decides():
    X, _ = problems.signal(n=300, d=16, k=24)
    one, same = (gpudict.learn_online(gpudict.stream(X), 24, **KEPT).dictionary for _ in range(2))
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_iterator_is_learned_from_whole(streamed: bool):
    """Once, from its first batch on: what was read ahead to look at it is not lost."""
    X, V = problems.signal(n=300, d=16, k=24)
    batches = (X[low : low + 50] for low in range(0, 300, 50))
    source = gpudict.stream(batches) if streamed else batches
    options = {**KEPT, "dict_init": V, "batch_size": 50, "max_iter": 1, "shuffle": False}
    found = gpudict.learn_online(source, 24, **options)
    np.testing.assert_array_equal(
        found.dictionary, gpudict.learn_online(X, 24, **options).dictionary
    )
