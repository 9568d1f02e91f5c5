"""Codes as learning needs them: compressed as dense, whole as in halves."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.arrays.threads import quiet
from gpudict.coding.plan import Plan
from gpudict.learning import codes
from gpudict.learning.samples import Samples
from gpudict.objective.penalties.l1 import L1
from tests.support import problems
from tests.support.backends import BackendCase, host
from tests.support.shortage import PORTABLE, errors, limit_rows

PURSUIT = {"n_nonzero_coefs": 4}


class TestCodes:
    """What learning does with compressed rows is what it does with the dense array."""

    @pytest.fixture(params=["numpy", "torch"])
    def asarray(self, request):
        return pytest.importorskip(request.param).asarray

    @pytest.mark.compiled
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("full", [0, 1], ids=["by BLAS", "by loops"])
    def test_both_kinds(self, signal, dtype, asarray, weighted, full, monkeypatch):
        monkeypatch.setattr(codes, "FULL", full)
        monkeypatch.setattr(codes, "GROUP", 1)
        monkeypatch.setattr(codes, "ALONE", 0)
        X, V = (asarray(a[:300].astype(dtype)) for a in signal)
        weight = np.linspace(0, 2, 300) if weighted else None
        samples, penalty = Samples.of(X, weight), L1(0.1)
        plan = Plan.of(X, len(V), penalty, solver="cd", tol=None, max_iter=None)
        compressed, found = codes.coded(X, V, plan, n_jobs=3)
        assert isinstance(compressed, codes.Compressed)
        dense = codes.Dense(compressed.array())
        expected = gpudict.encode(X, V, alpha=0.1)
        np.testing.assert_array_equal(host(dense.start), host(expected.Z))
        np.testing.assert_array_equal(host(found.gap), host(expected.gap))
        dead = np.arange(len(V)) % 3 == 0
        close = {"rtol": 1e-4, "atol": 1e-3} if dtype == "float32" else {"atol": 1e-11}
        for one, two in ((compressed, dense), (compressed.without(dead), dense.without(dead))):
            for a, b in zip(one.statistics(samples)[:3], two.statistics(samples)[:3], strict=True):
                assert a.dtype == X.dtype
                np.testing.assert_allclose(host(a), host(b), **close)
            costs = (c.costs(X, 0.9 * V, penalty) for c in (one, two))
            np.testing.assert_allclose(*map(host, costs), **close)
            np.testing.assert_array_equal(host(one.array()), host(two.array()))
        assert not host(compressed.without(dead).array())[:, dead].any()
        again, _ = codes.coded(X, V, plan, compressed)
        np.testing.assert_allclose(host(again.array()), host(dense.start), atol=1e-6)

    @pytest.mark.parametrize("full", [0, 1], ids=["by BLAS", "by loops"])
    @pytest.mark.parametrize("options", [{"alpha": 0.1}, PURSUIT], ids=["lasso", "omp"])
    def test_any_threads_learn_the_same(self, signal, options, full, monkeypatch):
        monkeypatch.setattr(codes, "FULL", full)
        monkeypatch.setattr(codes, "ALONE", 0)
        X, _ = signal
        one, two = (
            gpudict.learn(X, 20, **options, max_iter=3, random_state=0, n_jobs=n) for n in (1, 3)
        )
        np.testing.assert_array_equal(two.dictionary, one.dictionary)
        np.testing.assert_array_equal(two.objective, one.objective)
        np.testing.assert_array_equal(two.code, one.code)


@pytest.mark.compiled
def test_blas_is_told_once_an_iteration(signal, monkeypatch: pytest.MonkeyPatch):
    """To stop its threads and start them again takes as long as a step on few rows."""
    told: list[int] = []
    once = quiet.make
    monkeypatch.setattr(quiet, "make", lambda undo: told.append(0) or once(undo))
    for rows, k, times in ((40, 6, 0), (1500, 40, 5)):  # the fewer are done without BLAS
        told.clear()
        gpudict.learn(signal[0][:rows], k, alpha=0.1, max_iter=5, tol=0, dict_init="data")
        assert len(told) == 1 + times  # the start's


@pytest.mark.compiled
def test_sums_have_one_thread_of_blas(signal):
    """Whatever the number of ours: by how many a product is shared can change its bits."""
    X, V = signal
    plan = Plan.of(X, len(V), L1(0.1), solver="cd", tol=None, max_iter=None)
    made, _ = codes.coded(X, V, plan, n_jobs=1)
    assert all(made._mapped(lambda here: len(quiet.holds)))


def test_dense_codes_are_summed_in_what_memory_holds(monkeypatch: pytest.MonkeyPatch):
    """Three copies of seven rows and a bit: seven rows at a time."""
    X, V, U = problems.planted(40, 8, 6, 3, "float32")
    samples, penalty, kept = Samples.of(X, np.linspace(0, 2, 40)), L1(0.1), codes.Dense(U)
    whole = kept.statistics(samples), kept.costs(X, V, penalty)
    seen, real = [], (codes.statistics, codes.half_square)
    monkeypatch.setattr(codes, "workspace", lambda X: 7 * 3 * 4 * (8 + 6) + 5)
    monkeypatch.setattr(codes, "statistics", lambda *a: seen.append(len(a[0])) or real[0](*a))
    monkeypatch.setattr(codes, "half_square", lambda R: seen.append(len(R)) or real[1](R))
    parts = kept.statistics(samples), kept.costs(X, V, penalty)
    assert seen == 2 * [7, 7, 7, 7, 7, 5]
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-5)
    for one, two in zip(parts[0][:3], whole[0][:3], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("case", PORTABLE, ids=lambda c: c.name)
def test_learning_in_halves(case: BackendCase, online: bool, monkeypatch):
    """Codes, statistics and costs are made in halves; the dictionary is the same to rounding."""
    pytest.importorskip(case.requires)
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, _ = (case.asarray(a) for a in problems.planted(40, 8, 6, 3, "float64"))
    weight = np.linspace(0.5, 2, 40)
    options = {"alpha": 0.1, "dict_init": V, "code_tol": 1e-12, "max_iter": 2, "random_state": 0}
    options |= {"sample_weight": weight, "dictionary_update": "sweep"}
    options |= {"batch_size": 20} if online else {"tol": 0}
    learn = gpudict.learn_online if online else gpudict.learn
    whole = learn(X, 8, **options)
    for error in errors(case.name):
        with monkeypatch.context() as patch:
            seen = limit_rows(patch, error, 6)
            halves = learn(X, 8, **options)
        assert max(seen) == (20 if online else 40)
        np.testing.assert_allclose(host(halves.dictionary), host(whole.dictionary), atol=1e-8)
        np.testing.assert_allclose(host(halves.objective), host(whole.objective), rtol=1e-9)
