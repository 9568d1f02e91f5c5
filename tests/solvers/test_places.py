"""Where compiled solvers run, and what runs elsewhere: with the same answers."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import gpudict
from gpudict.coding.request import Request
from gpudict.solvers import places
from gpudict.solvers.places import numba_works
from tests.support import oracles, problems


class TestFallback:
    """Without Numba, or told so, the portable solvers run and give the same codes."""

    def test_environment(self, signal, tmp_path):
        X, V = (a[:50] for a in signal)
        np.savez(tmp_path / "data.npz", X=X, V=V)
        script = (
            "import sys, numpy as np, gpudict\n"
            f"data = np.load({str(tmp_path / 'data.npz')!r})\n"
            "Z = gpudict.encode(data['X'], data['V'], alpha=0.1).Z\n"
            "assert 'numba' not in sys.modules\n"
            f"np.save({str(tmp_path / 'Z.npy')!r}, Z)\n"
        )
        told = {**os.environ, "GPUDICT_KERNELS": "portable"}
        subprocess.run([sys.executable, "-c", script], check=True, env=told)
        Z = gpudict.encode(X, V, alpha=0.1).Z
        np.testing.assert_allclose(np.load(tmp_path / "Z.npy"), Z, atol=1e-6)

    @pytest.mark.compiled
    def test_no_numba(self, signal, monkeypatch: pytest.MonkeyPatch, caplog):
        X, V = (a[:50] for a in signal)
        expected = gpudict.encode(X, V, alpha=0.1).Z
        monkeypatch.setitem(sys.modules, "numba", None)  # then an import of it fails
        numba_works.cache_clear()
        try:
            with caplog.at_level(logging.WARNING):
                Z = [gpudict.encode(X, V, alpha=0.1).Z for _ in range(2)]
        finally:
            numba_works.cache_clear()
        assert [r.name for r in caplog.records] == ["gpudict.solvers.places"]
        assert "numba can't be imported" in caplog.text
        np.testing.assert_allclose(Z, [expected] * 2, atol=1e-6)


def test_no_gram_is_formed_for_many_atoms(monkeypatch: pytest.MonkeyPatch):
    """Above the limit the products go through the factors, with the same answers."""
    X, V = problems.signal(n=15, d=8, k=20)
    names = ("working_set", "lars", "fista", "cd_sweep")
    kept = {n: gpudict.encode(X, V, alpha=0.1, solver=n).Z for n in names}
    pursuit = gpudict.encode(X, V, n_nonzero_coefs=4).Z
    monkeypatch.setattr(places, "GRAM_LIMIT", 10)
    assert Request(X, V).shared_gram(places.gram_limit(X)) is None
    with pytest.raises(ValueError, match="'active_set' is compiled for arrays on the host and at"):
        gpudict.encode(X, V, alpha=0.1, solver="active_set")
    for name, Z in kept.items():
        np.testing.assert_allclose(gpudict.encode(X, V, alpha=0.1, solver=name).Z, Z, atol=1e-5)
    np.testing.assert_allclose(gpudict.encode(X, V, n_nonzero_coefs=4).Z, pursuit, atol=1e-10)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("positive", [False, True])
def test_many_atoms_are_coded_without_their_gram(positive: bool):
    """Above the limit itself, compiled: to the certificate, bit for bit the same by any threads."""
    rng = np.random.default_rng(0)
    k = places.GRAM_LIMIT + 4
    V = problems.unit(rng.standard_normal((k, 16)))
    X = problems.unit(rng.standard_normal((150, 16)))
    for dtype, tol in (("float32", 1e-5), ("float64", 1e-8)):
        x, v, taken = X.astype(dtype), V.astype(dtype), 4 * k * k
        tracemalloc.start()
        try:
            found = gpudict.encode(x, v, alpha=0.2, positive=positive, n_jobs=1)
            assert tracemalloc.get_traced_memory()[1] < taken // 2
        finally:
            tracemalloc.stop()
        assert found.converged.all()
        gap = oracles.lasso_gap(x, v, found.Z, 0.2, positive)
        half = 0.5 * (x.astype(float) ** 2).sum(axis=1)
        assert (gap <= tol * half).all()
        assert dtype == "float32" or (found.gap >= gap * (1 - 1e-6) - 1e-15).all()
        many = gpudict.encode(x, v, alpha=0.2, positive=positive, n_jobs=2, sparse_output=True)
        np.testing.assert_array_equal(many.Z.toarray(), found.Z)
        warm = gpudict.encode(x, v, alpha=0.2, positive=positive, init=found.Z)
        assert warm.n_iter <= 1


@pytest.mark.compiled
def test_a_gram_that_is_given_is_used_for_many_atoms_too(monkeypatch: pytest.MonkeyPatch):
    """It need not be a product, so the solver that forms none has nothing else to go by."""
    X, V = problems.signal(n=15, d=8, k=20)
    gram, cov = V @ V.T + 0.1 * np.eye(20), V @ X.T
    found = []
    for limit in (20, 10):
        monkeypatch.setattr(places, "GRAM_LIMIT", limit)
        found.append(gpudict.sparse_encode(X, V, gram=gram, cov=cov, alpha=0.1))
    np.testing.assert_array_equal(*found)
