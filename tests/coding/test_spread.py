"""Codes of rows that are spread over two devices: those of one device, and gathered there."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.arrays import devices
from gpudict.arrays.door import device
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.coding.spread import solve_on
from gpudict.objective.penalties.l1 import L1
from tests.support import problems
from tests.support.backends import host
from tests.support.pairs import STRICT, Pair, across

X, V = problems.signal(n=9, d=5, k=6)
ALPHA, EACH = 0.4, np.linspace(0.2, 0.6, len(X))
CODES = np.random.default_rng(0).standard_normal((len(X), len(V)))
CASES = {
    "lasso": {"alpha": ALPHA},
    "an alpha a row, warm": {"alpha": EACH, "init": CODES},
    "positive": {"alpha": ALPHA, "positive": True},
    "pursuit": {"n_nonzero_coefs": 3, "solver": "omp"},
    "limited": {"alpha": ALPHA, "solver": "fista", "max_iter": 5},
}


def same(found, want) -> None:
    """Assert that two solutions are one, to rounding."""
    for name, atol in (("Z", 1e-12), ("gap", 1e-12), ("converged", 0)):
        a, b = getattr(found, name), getattr(want, name)
        assert device(a) == device(b)
        np.testing.assert_allclose(host(a), host(b), atol=atol, rtol=0)
    assert found.n_iter == want.n_iter
    assert [c[:2] for c in found.history] == [c[:2] for c in want.history]


@pytest.mark.parametrize(("pair", "name"), across(CASES, ["lasso", "pursuit"]), indirect=["pair"])
def test_of_one_device(pair: Pair, name: str):
    """Codes, certificates, rounds and history, whichever device comes first."""
    options = {key: pair.put(a) if key == "init" else a for key, a in CASES[name].items()}
    x, v = pair.put(X), pair.put(V)
    want = gpudict.encode(x, v, **options)
    same(gpudict.encode(x, v, **options, devices=pair.devices), want)
    same(gpudict.encode(x, v, **options, devices=pair.devices[::-1]), want)


@pytest.mark.parametrize("pair", STRICT, indirect=True)
def test_more_devices_than_rows(pair: Pair):
    """And the other device alone, from which the codes come back."""
    x, v = pair.put(X[:1]), pair.put(V)
    want = gpudict.encode(x, v, alpha=ALPHA)
    same(gpudict.encode(x, v, alpha=ALPHA, devices=pair.devices), want)
    same(gpudict.encode(x, v, alpha=ALPHA, devices=pair.devices[1:]), want)


@pytest.mark.parametrize("pair", STRICT, indirect=True)
def test_a_loop_does_what_threads_do(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    """Bit for bit."""
    x, v = pair.put(X), pair.put(V)
    want = gpudict.encode(x, v, alpha=ALPHA, devices=pair.devices)
    monkeypatch.setattr(devices, "at_once", lambda job, items: [job(item) for item in items])
    found = gpudict.encode(x, v, alpha=ALPHA, devices=pair.devices)
    np.testing.assert_array_equal(host(found.Z), host(want.Z))
    np.testing.assert_array_equal(host(found.gap), host(want.gap))


@pytest.mark.parametrize(("solver", "sparse"), [("cd", False), ("cd", True), ("working_set", True)])
def test_blocks_of_the_host(solver: str, sparse: bool):
    """Compiled, with threads of their own that those of the devices must not be; and sparse."""
    torch = pytest.importorskip("torch")
    rows, atoms = (torch.asarray(a) for a in problems.signal(n=520, d=12, k=128))
    rows = rows if solver == "cd" else rows[:60]
    request, penalty = Request(rows, atoms), L1(0.4)
    plan = Plan.of(rows, 128, penalty, solver=solver, tol=None, max_iter=None)
    twice = [torch.device("cpu")] * 2
    found = solve_on(twice, request, plan, batch_size=None, n_jobs=2, sparse=sparse)
    want = gpudict.encode(rows, atoms, alpha=0.4, solver=solver)
    Z = found.Z.matrix(128, rows).to_dense() if sparse else found.Z
    np.testing.assert_allclose(Z, want.Z, atol=1e-10)
    np.testing.assert_array_equal(found.converged, want.converged)


def test_each_place_has_its_solver():
    """Of rows of the host one half stays there, compiled; on CUDA another solver does the other."""
    pytest.importorskip("torch")
    from benchmarks.standins.simulated import simulated
    from tests.support.backends import on_torch
    from tests.support.pairs import cuda

    with cuda():
        pass  # or skip
    with simulated() as counts:
        found = gpudict.encode(on_torch(X), on_torch(V), alpha=ALPHA, devices=["cpu", "cuda:1"])
    assert counts.to_device[:2] == [5 * 5 * 8, V.nbytes]
    assert [size for size in counts.to_host if size > 40] == [5 * 6 * 8]  # codes, and no rows
    np.testing.assert_allclose(found.Z, gpudict.encode(X, V, alpha=ALPHA).Z, atol=1e-10)
