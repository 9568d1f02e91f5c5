"""Rows in batches that fit the memory: halved where that was not enough, one at a time alive."""

from __future__ import annotations

import functools
import logging
import weakref

import numpy as np
import pytest

import gpudict
from gpudict.arrays.backends import backend_of
from gpudict.arrays.door import array_namespace
from gpudict.coding import on_device
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.coding.solve import solve
from gpudict.objective.penalties.l1 import L1
from tests.support import problems
from tests.support.backends import BackendCase, host
from tests.support.shortage import PORTABLE, errors, failing, limit_rows
from tests.support.solving import usable

CALLS = ("plain", "init", "each", "sparse", "threads", "omp", "one batch")


def called(name, X, V, U, **options):
    """Return the codes and the gaps of a call to `encode`."""
    options |= {"n_nonzero_coefs": 3} if name == "omp" else {"alpha": 0.1}
    if name == "each":
        xp = array_namespace(X)
        options["alpha"] = 0.1 + 0.05 * xp.astype(
            xp.arange(X.shape[0], device=X.device) % 3, X.dtype
        )
    if name == "threads":
        options["n_jobs"] = 2
    options |= {"init": U} if name == "init" else {}
    options |= {"sparse_output": True} if name == "sparse" else {}
    found = gpudict.encode(X, V, **options)
    assert tuple(found.Z.shape) == (X.shape[0], V.shape[0])
    if name != "sparse":
        return host(found.Z), host(found.gap), host(found.converged)
    dense = found.Z.toarray() if hasattr(found.Z, "toarray") else found.Z.to_dense()
    return host(dense), host(found.gap), host(found.converged)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", PORTABLE, ids=lambda c: c.name)
def test_halved_batches(case: BackendCase, call: str, monkeypatch, caplog):
    """The codes are those of batches that fitted from the start, bit for bit."""
    pytest.importorskip(case.requires)
    if call == "sparse" and backend_of(array_namespace(case.asarray(np.ones(1)))).csr is None:
        pytest.skip(f"{case.name} has no sparse matrices")
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, U = (case.asarray(a) for a in problems.planted(37, 20, 12, 3, "float64"))
    size = None if call == "one batch" else 16
    least = called(call, X, V, U, batch_size=4 if size else 37 // 2 // 2 // 2)
    for error in errors(case.name):
        with (
            monkeypatch.context() as patch,
            caplog.at_level(logging.WARNING, "gpudict"),
        ):
            caplog.clear()
            seen = limit_rows(patch, error, 7)
            found = called(call, X, V, U, batch_size=size)
        for ours, theirs in zip(found, least, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert found[2].all() or call == "omp"
        assert "was not enough for a batch of" in caplog.text
        if call != "threads":  # a size that worked stays
            first = next(i for i, n in enumerate(seen) if 1 < n <= 7)
            assert max(seen[first:]) <= 7


@pytest.mark.parametrize("case", PORTABLE, ids=lambda c: c.name)
def test_not_even_a_row(case: BackendCase, monkeypatch):
    """Down to one row, and then one sentence that says what came, what is needed, what to do."""
    pytest.importorskip(case.requires)
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, _ = (case.asarray(a) for a in problems.planted(37, 20, 12, 3, "float32"))
    said = r"even a row at a time: X \(37, 12\) and V \(20, 12\) came.* Pass sparse_output=True"
    for error in errors(case.name):
        with monkeypatch.context() as patch:
            seen = limit_rows(patch, error, 1)
            patch.setattr(on_device, "solved", functools.partial(failing, error))
            with pytest.raises(MemoryError, match=said):
                gpudict.encode(X, V, alpha=0.1)
            assert seen == [37, 18, 9, 4, 2, 1]
    other = ValueError("not about memory")
    with monkeypatch.context() as patch:
        limit_rows(patch, other, 3)
        with pytest.raises(ValueError, match="not about memory"):
            gpudict.encode(X, V, alpha=0.1)


def test_one_batch_at_a_time(monkeypatch):
    """The codes of a batch are gone, but for their copy, before the next one starts."""
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, _ = problems.planted(12, 8, 6, 3, "float64")
    real, before = on_device.solved, []

    def spy(*args):
        assert all(ref() is None for ref in before)
        found = real(*args)
        before.extend(weakref.ref(a) for a in found[:2])
        return found

    monkeypatch.setattr(on_device, "solved", spy)
    gpudict.encode(X, V, alpha=0.1, batch_size=3, n_jobs=1)
    assert len(before) == 8
    whole = gpudict.encode(X, V, alpha=0.1, batch_size=12)
    assert whole.Z is before[-2]()  # and of one batch there is none


@pytest.mark.parametrize("solver", usable("active_set", "working_set"))
def test_products_of_the_caller_are_used(solver):
    """Gram and cov that came are not made again; without them a Gram of few atoms is, of many not.

    One of the two makes a problem without factors, whose Gram there must be.
    """
    X, V, _ = problems.planted(12, 8, 6, 3, "float64")
    plan = Plan.of(X, 8, L1(0.1), solver=solver, tol=1e-10, max_iter=None)
    want = gpudict.encode(X, V, alpha=0.1, tol=1e-10).Z
    W = np.concatenate([2 * V, V[:1]])[:8]
    gram, cov = W @ W.T, X @ W.T
    other = gpudict.encode(X, W, alpha=0.1, tol=1e-10).Z
    for given, codes in (
        (Request(X, V), want),
        (Request(X, V, want), want),
        (Request(X, V, None, gram, cov), other),
        (Request(X, V, None, V @ V.T), want),
        (Request(X, V, None, None, X @ V.T), want),
    ):
        found = solve(given, plan, batch_size=5)
        assert found.converged.all()
        np.testing.assert_allclose(found.Z, codes, atol=1e-8)
        for limit in (7, 8):
            made = given.shared_gram(limit)
            assert (made is None) == (limit == 7 and given.is_products)
            q = given.quadratic(made)
            assert (q.factors is None) == (not given.is_products)
            assert given.gram is None or q.gram is given.gram
            np.testing.assert_allclose(q.sq, (X**2).sum(axis=1))


@pytest.mark.parametrize("solver", usable("active_set", "working_set"))
@pytest.mark.parametrize("sparse", [False, True])
def test_silence_is_said(solver, sparse):
    X, V, _ = problems.planted(12, 8, 6, 3, "float64")
    with pytest.warns(UserWarning, match="alpha leaves every code zero"):
        gpudict.encode(X, V, alpha=1e3, solver=solver, sparse_output=sparse)
