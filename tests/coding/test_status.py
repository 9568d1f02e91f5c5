"""Why a row ended as it did, in numbers and in a sentence, and what a limit of time leaves."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict import Status
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host

X, V = problems.signal(n=60, d=8, k=12)


@pytest.mark.parametrize("solver", ["cd", "working_set"])
def test_status(backend: BackendCase, solver: str):
    x, v = backend.asarray(X[:6]), backend.asarray(V)
    for options, missed in (
        ({}, Status.CONVERGED),
        ({"max_iter": 1, "tol": 0.0}, Status.LIMIT),
        ({"time_limit": 0.0}, Status.TIME),
    ):
        found = gpudict.encode(x, v, alpha=0.1, solver=solver, **options)
        status, converged = host(found.status), host(found.converged)
        assert status.dtype == np.int32
        np.testing.assert_array_equal(status == Status.CONVERGED, converged)
        assert set(status[~converged].tolist()) <= {missed}
        assert missed is Status.CONVERGED or not converged.any()


@pytest.mark.parametrize("solver", ["cd", "working_set"])
def test_the_floor_of_rounding(solver: str):
    found = gpudict.encode(X[:6], V, alpha=0.1, solver=solver, tol=0.0)
    assert not found.converged.all()
    assert set(found.status[~found.converged].tolist()) == {Status.ROUNDING}
    assert "at the floor of rounding" in str(found.summary())


def test_summary():
    found = gpudict.encode(X, V, alpha=0.1)
    told = found.summary()
    assert (told.rows, told.missed) == (60, 0)
    assert told.largest == found.gap.max()
    assert told.median == np.median(found.gap)
    assert told.total == found.gap.sum()
    assert str(told).startswith("60 rows, 0 missed; gaps: largest ")
    short = gpudict.encode(X, V, alpha=0.1, max_iter=1).summary()
    assert short.missed == short.status[Status.LIMIT] > 0
    assert f"60 rows, {short.missed} missed ({short.missed} at a limit)" in str(short)
    assert str(gpudict.encode(X, V, n_nonzero_coefs=2).summary()).endswith("gaps: none is known")


def test_of_batches_streams_chunks_and_sparse_codes():
    da = pytest.importorskip("dask.array")
    loose, tight = {"alpha": 0.1, "max_iter": 1}, {"alpha": 0.1}
    for options, status in ((loose, Status.LIMIT), (tight, Status.CONVERGED)):
        for x, more in (
            (X, {"solver": "working_set", "batch_size": 25}),
            (X, {"sparse_output": True}),
            (gpudict.stream(X, batch_size=25), {}),
            (da.from_array(X, chunks=(25, 8)), {}),
        ):
            found = gpudict.encode(x, V, **options, **more)
            missed = ~np.asarray(found.converged)
            np.testing.assert_array_equal(np.asarray(found.status), status * missed)
            assert found.summary().missed == missed.sum()
            assert missed.any() == (status is Status.LIMIT)


def test_a_late_row_has_zeros_and_an_honest_gap(backend: BackendCase, dtype: str):
    x, v = (backend.asarray(a.astype(dtype)) for a in (X, V))
    for solver in ("cd", "working_set"):
        found = gpudict.encode(x, v, alpha=0.1, solver=solver, time_limit=0)
        assert not host(found.Z).any()
        half = 0.5 * (X.astype(dtype).astype(float) ** 2).sum(axis=1)
        np.testing.assert_allclose(host(found.gap), half, rtol=1e-12)
        assert host(found.Z).dtype == dtype
    late = gpudict.encode(x, v, n_nonzero_coefs=2, time_limit=0)
    assert not host(late.Z).any()
    assert np.isinf(host(late.gap)).all()


def test_the_time_ends_between_batches_and_rounds(monkeypatch: pytest.MonkeyPatch):
    """Codes of then are as far as they are said to be, those that are done as near as asked."""
    best = gpudict.encode(X, V, alpha=0.1).Z
    least = oracles.lasso_objective(X, V, best, 0.1)
    whole, seen = gpudict.encode(X, V, alpha=0.1, solver="fista", batch_size=20).n_iter, set()
    for ticks in (1, 5, 30, 60, 100):
        now = iter(range(10**6))
        monkeypatch.setattr("time.perf_counter", lambda now=now: float(next(now)))
        options = {"solver": "fista", "batch_size": 20, "n_jobs": 1}
        found = gpudict.encode(X, V, alpha=0.1, time_limit=ticks, **options)
        monkeypatch.undo()
        above = oracles.lasso_objective(X, V, found.Z, 0.1) - least
        assert (above <= found.gap + 1e-12).all()
        assert set(found.status.tolist()) <= {Status.CONVERGED, Status.TIME}
        assert found.n_iter < whole or ticks > 5
        seen.add(int(found.converged.sum()))
    assert len(seen) > 2, (seen, whole)


def test_no_row_is_finished_when_it_is_late(monkeypatch: pytest.MonkeyPatch):
    now = iter(range(10**6))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(now)))
    monkeypatch.setattr("gpudict.coding.refinement._finished", None)
    x, v = X.astype("float32"), V.astype("float32")
    found = gpudict.encode(x, v, alpha=0.1, tol=1e-9, solver="working_set", time_limit=2)
    assert found.n_iter > 0
    assert (found.status[~found.converged] == Status.TIME).all()


def test_a_late_stream_is_read_to_its_end():
    found = gpudict.encode(gpudict.stream(X, batch_size=25), V, alpha=0.1, time_limit=0)
    assert found.Z.shape == (60, 12)
    np.testing.assert_allclose(found.gap, 0.5 * (X**2).sum(axis=1))
    da = pytest.importorskip("dask.array")
    with pytest.raises(ValueError, match="time_limit came with rows in chunks"):
        gpudict.encode(da.from_array(X, chunks=(25, 8)), V, alpha=0.1, time_limit=1)
    with pytest.raises(ValueError, match="time_limit must be finite"):
        gpudict.encode(X, V, alpha=0.1, time_limit=-1)
