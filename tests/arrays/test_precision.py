"""Products keep the precision of their dtype, and the user's settings come back."""

from __future__ import annotations

import contextlib
import importlib
import threading

import numpy as np
import pytest

import gpudict
from gpudict.arrays.backends import named
from gpudict.arrays.door import precise
from gpudict.objective import quadratic
from tests.support import oracles, problems
from tests.support.backends import host

torch = pytest.importorskip("torch")


def planted(dtype="float32"):
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((20, 16)))
    U = rng.standard_normal((60, 20)) * (rng.random((60, 20)) < 0.2)
    return (U @ V).astype(dtype), V.astype(dtype)


def settings():
    """What decides on the precision of PyTorch's products, as the user sees it."""
    parts = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
    return [part.fp32_precision for part in parts], torch.is_autocast_enabled("cpu")


@contextlib.contextmanager
def chosen(how):
    """Set PyTorch's precision in one of the ways that users do."""
    try:
        if how == "legacy":
            torch.set_float32_matmul_precision("medium")
        elif how == "allow_tf32":
            torch.backends.cuda.matmul.allow_tf32 = True
        elif how == "above":
            torch.backends.fp32_precision = "tf32"
        with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
            yield
    finally:
        torch.set_float32_matmul_precision("highest")
        for part in (torch.backends, torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
            part.fp32_precision = "none"


def faces(X, V, monkeypatch):
    """Calls of everything that multiplies, each with what it needs."""
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    options = {"alpha": 0.05, "max_iter": 1, "random_state": 0}
    cov = torch.asarray(host(V).astype("float64") @ host(X).T.astype("float64")).to(X.dtype)
    yield lambda: gpudict.encode(X, V, alpha=0.05)
    yield lambda: gpudict.encode(X, V, n_nonzero_coefs=3)
    yield lambda: gpudict.sparse_encode(X, V, cov=cov, alpha=0.05)
    yield lambda: gpudict.learn(X, 20, **options, sample_weight=np.linspace(0.5, 1, len(X)))
    yield lambda: gpudict.learn_online(X, 20, **options, dict_init="data", batch_size=12)
    est = gpudict.SparsePCA(5, random_state=0, max_iter=3)
    yield lambda: est.fit(X)
    yield lambda: est.inverse_transform(est.transform(X))


WAYS = ("legacy", "allow_tf32", "above", "autocast")


@pytest.mark.parametrize("how", WAYS)
def test_torch_products_are_exact_inside(how: str, monkeypatch):
    """No product of any face sees TF32, bfloat16 or autocast; afterwards all is as it was."""
    X, V = (torch.asarray(a) for a in planted())
    X = X[:24]
    seen = []

    class Spy(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if "matmul" in getattr(func, "__name__", ""):
                seen.append((settings(), out.dtype))
            return out

    with chosen(how):
        before = settings()
        assert before[1] if how == "autocast" else {*before[0]} & {"tf32", "bf16"}
        for face in faces(X, V, monkeypatch):
            seen.clear()
            with Spy():
                face()
            assert settings() == before
            assert seen
            for (kinds, autocast), kind in seen:
                assert not autocast
                assert set(kinds) <= {"ieee", "none"}
                assert kind in (torch.float32, torch.float64)


@pytest.mark.parametrize("how", WAYS)
def test_settings_come_back_after_an_error(how: str, monkeypatch):
    X, V = (torch.asarray(a) for a in planted())
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)

    def broken(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("gpudict.solvers.portable.working_set.WorkingSet.step", broken)
    with chosen(how):
        before = settings()
        with pytest.raises(ZeroDivisionError):
            gpudict.encode(X, V, alpha=0.1)
        assert settings() == before


def test_a_setting_from_above_is_still_followed():
    """What was inherited is inherited again, and not written down."""
    with chosen("above"):
        with precise(torch.zeros(1)):
            assert settings()[0] == ["ieee", "ieee"]
        torch.backends.fp32_precision = "ieee"
        assert settings()[0][0] == "ieee"


@pytest.mark.parametrize("solver", ["working_set", "fista", "lars", "cd_sweep"])
def test_autocast_costs_no_quality(solver: str, monkeypatch: pytest.MonkeyPatch):
    """In a region of autocast the codes are float32 and the oracle finds their gaps."""
    monkeypatch.setenv("GPUDICT_KERNELS", "portable")
    X, V = planted()
    with torch.autocast("cpu", torch.bfloat16):
        assert (torch.asarray(X) @ torch.asarray(V).T).dtype == torch.bfloat16
        found = gpudict.encode(torch.asarray(X), torch.asarray(V), alpha=0.05, solver=solver)
    assert found.Z.dtype == torch.float32
    assert found.gap.dtype == torch.float64
    true = oracles.lasso_gap(X, V, host(found.Z), 0.05, False)
    assert (true <= 1e-5 * 0.5 * (X.astype(float) ** 2).sum(axis=1)).all()
    np.testing.assert_allclose(host(found.gap), true, atol=1e-9)


def test_the_last_of_overlapping_solves_restores():
    """While one solve runs, the end of another leaves its products exact."""
    inside, leave = threading.Event(), threading.Event()

    def other():
        with precise(torch.zeros(1)):
            inside.set()
            leave.wait(10)

    with chosen("legacy"):
        before = settings()
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(10)
        with precise(torch.zeros(1)):
            pass
        assert settings()[0] == ["ieee", "ieee"]
        leave.set()
        thread.join()
        assert settings() == before


@pytest.mark.slow
def test_jax_products_are_exact_inside(monkeypatch):
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp

    X, V = (jnp.asarray(a) for a in planted())
    seen, real = [], quadratic.correlation

    def spy(*args):
        seen.append(jax.config.jax_default_matmul_precision)
        return real(*args)

    monkeypatch.setattr("gpudict.solvers.portable.threshold.correlation", spy)
    with jax.default_matmul_precision("bfloat16"):
        gpudict.encode(X, V, alpha=0.1, solver="threshold")
        assert jax.config.jax_default_matmul_precision == "bfloat16"
    assert set(seen) == {"highest"}


def test_cupy_tf32_is_off_inside(monkeypatch):
    """CuPy's functions are stood in for, as they ask the device what it has; the names are real."""
    pytest.importorskip("cupy")
    from cupy._core import _routines_linalg as linalg

    now = {np.dtype(np.float32): linalg.COMPUTE_TYPE_TF32}
    monkeypatch.setattr(linalg, "get_compute_type", now.__getitem__)
    monkeypatch.setattr(linalg, "set_compute_type", now.__setitem__)
    with named("cupy").precise(None):
        assert list(now.values()) == [linalg.COMPUTE_TYPE_FP32]
    assert list(now.values()) == [linalg.COMPUTE_TYPE_TF32]


FLAGGED = {  # where products are made: the faces that reach it
    "gpudict.coding.on_host.gram_of": ("encode", "learn", "learn_online"),
    "gpudict.coding.on_host.product": ("encode", "learn", "learn_online"),
    "gpudict.learning.codes._full": ("learn",),
    "gpudict.solvers.portable.working_set.correlation": ("portable",),
    "gpudict.coding.request.gram_of": ("portable",),
}


@pytest.mark.parametrize(
    ("where", "face"),
    [
        pytest.param(where, face, marks=() if face == "portable" else pytest.mark.compiled)
        for where, faces in FLAGGED.items()
        for face in faces
    ],
)
def test_flags_of_a_blas_are_no_warnings(where: str, face: str, monkeypatch: pytest.MonkeyPatch):
    """A BLAS may raise them on finite factors, in any thread; those of a callback are its own."""
    module, name = where.rsplit(".", 1)
    real, calls = getattr(importlib.import_module(module), name), []

    def flagged(*args):
        calls.append(np.zeros(1) * np.inf)
        return real(*args)

    if face == "portable":
        monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    monkeypatch.setattr(where, flagged)
    monkeypatch.setattr("gpudict.arrays.recurring._KEPT", [])
    X, V = problems.signal(n=3000, k=24)
    said = []
    if face in ("encode", "portable"):
        gpudict.encode(X, V, alpha=0.1, n_jobs=2, batch_size=1000)
    else:
        learner = getattr(gpudict, face)
        options = {"batch_size": 500} if face == "learn_online" else {"max_iter": 5, "n_jobs": 2}
        learner(X, V.shape[0], alpha=0.1, callback=lambda *_: said.append(np.geterr()), **options)
    assert calls
    assert all(how["invalid"] == "warn" for how in (*said, np.geterr()))
