"""Statistics are the sums of their rows, whoever makes them, and all that an update needs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from functools import reduce
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import gpudict
from gpudict import Statistics
from tests.support import problems
from tests.support.backends import BackendCase

WEIGHT = np.arange(90) % 4 / 2
ROOT = Path(__file__).parents[2]


def by_hand(X, V, w, alpha):
    """The fields, from dense codes."""
    found = gpudict.encode(X, V, alpha=alpha)
    U, W = found.Z, w[:, None]
    costs = 0.5 * ((X - U @ V) ** 2).sum(axis=1) + alpha * np.abs(U).sum(axis=1)
    return Statistics(
        U.T @ (W * U), X.T @ (W * U), (W * X**2).sum(axis=0), (U != 0).sum(axis=0), len(X),
        w.sum(), w @ costs, w @ found.gap, 0,
    )  # fmt: skip


def close(one: Statistics, other: Statistics, atol: float) -> None:
    """Fields agree, counts exactly; gaps are of no matter where they are small."""
    assert one.rows == other.rows
    assert one.missed == other.missed
    np.testing.assert_array_equal(one.uses, other.uses)
    np.testing.assert_allclose(one.cost, other.cost, rtol=1e-6)
    assert abs(one.gap - other.gap) <= 1e-5 * other.cost
    for a, b in zip(one[:3], other[:3], strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize("weighted", [False, True])
def test_they_are_the_sums(backend: BackendCase, weighted: bool):
    """On every library; what is made is on the host, in float64."""
    X, V = problems.signal(n=90, d=12, k=18)
    w = WEIGHT + 0.5 if weighted else np.ones(90)
    made = Statistics.of(
        backend.asarray(X), backend.asarray(V), alpha=0.1, sample_weight=w if weighted else None
    )
    close(made, by_hand(X, V, w, 0.1), 1e-6)
    assert {type(a) for a in made[:4]} == {np.ndarray}
    assert made.total == w.sum()
    moved = made.update(backend.asarray(V))
    assert type(moved) is type(backend.asarray(V))


def test_parts_are_merged_in_any_order():
    X, V = problems.signal(n=90, d=12, k=18)
    cuts = (0, 1, 30, 31, 90)
    parts = [Statistics.of(X[a:b], V, alpha=0.1) for a, b in pairwise(cuts)]
    whole = Statistics.of(X, V, alpha=0.1)
    ways = (
        parts[0].merge(*parts[1:]),
        reduce(Statistics.merge, parts[::-1]),
        parts[0].merge(parts[1]).merge(parts[2].merge(parts[3])),
        Statistics.of(gpudict.stream(X, batch_size=7), V, alpha=0.1),
        Statistics.of((X[i : i + 40] for i in (0, 40, 80)), V, alpha=0.1),
        Statistics.of(X, V, alpha=0.1, batch_size=13),
    )
    for way in ways:
        close(way, whole, 1e-12)
        np.testing.assert_allclose(way.update(V), whole.update(V), atol=1e-12)


@pytest.mark.parametrize("update", ["sweep", "mm"])
def test_an_update_is_that_of_learning(update: str):
    """The same atoms after as many iterations, from parts that never met."""
    X, V = problems.signal(n=90, d=12, k=18)
    want = gpudict.learn(X, 18, alpha=0.1, dict_init=V, max_iter=5, tol=0, dictionary_update=update)
    for _ in range(5):
        made = Statistics.of(X[:40], V, alpha=0.1).merge(Statistics.of(X[40:], V, alpha=0.1))
        before, V = V, made.update(V, dictionary_update=update)
    assert all(h.unused == 0 for h in want.history)
    np.testing.assert_allclose(V, want.dictionary, atol=1e-9)
    U = gpudict.encode(X, before, alpha=0.1).Z
    after = 0.5 * ((X - U @ V) ** 2).sum() + 0.1 * np.abs(U).sum()
    assert after <= made.cost
    np.testing.assert_allclose(after, want.objective[-1], rtol=1e-9)


def test_positive_atoms_and_pursuits():
    X, V = problems.signal(n=90, d=12, k=18)
    made = Statistics.of(X, np.abs(V), n_nonzero_coefs=2, positive_code=True)
    assert made.gap == np.inf
    assert made.uses.sum() <= 2 * 90
    assert (made.update(np.abs(V), positive_dict=True) >= 0).all()


def test_what_does_not_fit_is_refused():
    X, V = problems.signal(n=90, d=12, k=18)
    made = Statistics.of(X, V, alpha=0.1)
    with pytest.raises(ValueError, match=r"came beside some of \(12, 18\)"):
        made.merge(Statistics.of(X, V[:9], alpha=0.1))
    for other in (3, [made], (1, 2)):
        with pytest.raises(TypeError, match=r"first\.merge\(\*others\)"):
            made.merge(other)
    both, twice = made + made, made.merge(made)
    assert all(np.array_equal(a, b) for a, b in zip(both, twice, strict=True))
    with pytest.raises(ValueError, match=r"but \(18, 12\) is needed"):
        made.update(V[:9])
    with pytest.raises(ValueError, match="as many features as a row"):
        Statistics.of(X, V[:, :5], alpha=0.1)


def test_they_are_saved_bit_for_bit(tmp_path: Path):
    """And what is no file of theirs, or was cut or turned, is said."""
    X, V = problems.signal(n=90, d=12, k=18)
    for made in (Statistics.of(X, V, alpha=0.1), Statistics.of(X, V, n_nonzero_coefs=2)):
        made.save(tmp_path / "s")
        again = Statistics.load(tmp_path / "s")
        assert [type(a) for a in again] == [type(a) for a in made]
        assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))
    whole = (tmp_path / "s").read_bytes()
    turned = bytearray(whole)
    turned[-5] ^= 1
    gpudict.SparseCoder(V).save(tmp_path / "coder")
    for bad in (whole[:-9], bytes(turned), b"", (tmp_path / "coder").read_bytes()):
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises(ValueError, match=r"Pass a file that Statistics\.save wrote"):
            Statistics.load(tmp_path / "bad")


@pytest.mark.slow
def test_processes_learn_what_one_does(tmp_path: Path):
    """Two of them, each with half of the rows, over gloo."""
    pytest.importorskip("torch")
    X, _ = problems.signal(n=200, d=12, k=18)
    np.save(tmp_path / "X.npy", X)

    def learned(workers: int) -> np.ndarray:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        out = tmp_path / f"V{workers}.npy"
        command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={workers}"]
        command += [f"--master-port={port}", "-m", "benchmarks.torchrun", tmp_path / "X.npy", out]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        subprocess.run(
            [*command, "18", "0.1", "5"], check=True, timeout=120, cwd=ROOT, env=environment
        )
        return np.load(out)

    np.testing.assert_allclose(learned(2), learned(1), atol=1e-10)
