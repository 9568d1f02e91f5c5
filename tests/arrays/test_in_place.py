"""Arrays of the host that are not NumPy's: its compiled solvers take them, and give them back."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gpudict
from gpudict.arrays.backends import named
from gpudict.arrays.door import device, library
from gpudict.coding import on_device
from tests.support.backends import BackendCase, host, on_jax

LASSO, PURSUIT = {"alpha": 0.1}, {"n_nonzero_coefs": 3}


@pytest.fixture
def no_portable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no row be coded in the operations of its library."""
    monkeypatch.setattr(on_device, "solve", lambda *_, **__: pytest.fail("not on the host"))


@pytest.mark.compiled
@pytest.mark.parametrize("options", [LASSO, PURSUIT], ids=["lasso", "omp"])
def test_as_numpy(signal, dtype, backend: BackendCase, options, no_portable, monkeypatch):
    if "strict" in backend.name:
        pytest.skip("its arrays show their memory to no one")
    x, v = (a[:40].astype(dtype) for a in signal)
    X, V = backend.asarray(x), backend.asarray(v)
    found, plain = gpudict.encode(X, V, **options), gpudict.encode(x, v, **options)
    for mine, theirs in zip(found[:3], plain[:3], strict=True):
        assert library(mine) == library(X)
        assert device(mine) == device(X)
        assert host(mine).dtype == theirs.dtype
        np.testing.assert_array_equal(host(mine), theirs)


@pytest.mark.compiled
def test_a_learner_of_jax_eager(signal, no_portable):
    pytest.importorskip("jax")
    X = signal[0][:60]
    options: dict[str, Any] = {"alpha": 0.1, "max_iter": 3, "random_state": 0}
    mine, plain = (gpudict.learn(x, 12, **options) for x in (on_jax(X), X))
    np.testing.assert_allclose(host(mine.dictionary), plain.dictionary, atol=1e-9)
    np.testing.assert_allclose(mine.objective, plain.objective)


@pytest.mark.compiled
def test_jax_eager_without_float64(signal, no_portable):
    jax = pytest.importorskip("jax")
    x, v = (a[:20].astype(np.float32) for a in signal)
    jax.config.update("jax_enable_x64", False)
    try:
        found = gpudict.encode(on_jax(x), on_jax(v), **LASSO)
    finally:
        jax.config.update("jax_enable_x64", True)
    assert found.Z.dtype == found.gap.dtype == np.float32
    np.testing.assert_array_equal(host(found.Z), gpudict.encode(x, v, **LASSO).Z)


def test_what_jax_has_elsewhere_is_not_read():
    cpu, other = (SimpleNamespace(platform="cpu", id=i) for i in range(2))
    gpu = SimpleNamespace(platform="gpu", id=0)
    for devices, here in (((cpu,), True), ((cpu, other), False), ((gpu,), False)):
        x = SimpleNamespace(devices=lambda found=devices: found)
        assert named("jax").on_host(x) is here


def test_what_a_cpu_of_sycl_has_is_read(monkeypatch: pytest.MonkeyPatch):
    def asarray(a: np.ndarray, *, sycl_queue: str) -> tuple[np.ndarray, str]:
        return a, sycl_queue

    monkeypatch.setitem(sys.modules, "dpnp", SimpleNamespace(asarray=asarray))
    row, values = named("dpnp"), np.ones(2)
    for cpu in (False, True):
        x = SimpleNamespace(sycl_device=SimpleNamespace(is_cpu=cpu), sycl_queue="its own")
        assert row.on_host(x) is cpu
        assert row.from_host(values, x) == (values, "its own")
