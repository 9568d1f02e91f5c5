"""`code_metrics` is its formulas, wherever data and codes are, and holds a batch at a time."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import gpudict
from gpudict.coding import tally
from gpudict.objective import coherence
from tests.support import problems
from tests.support.backends import BackendCase, host


def problem() -> tuple[np.ndarray, ...]:
    """Rows far from 0, one of them 0, with a code; a row without one; atoms of any norm."""
    X, V = problems.signal(n=230, d=6, k=9)
    X, V = X + 3, V * np.arange(1, 10)[:, None]
    X[5], V[2] = 0, -2 * V[3]
    Z = gpudict.encode(X, V, alpha=2.0).Z
    Z[5, 3:], Z[7], Z[:, 0] = 1, 0, 0
    return X, V, Z


def formulas(X: np.ndarray, V: np.ndarray, Z: np.ndarray) -> list:
    """The measures, one by one and slowly."""
    Y, (n, k) = Z @ V, Z.shape
    size = lambda a: float(np.sqrt((a**2).sum()))  # noqa: E731
    rows = [(x, y, size(x), size(y)) for x, y in zip(X, Y, strict=True)]
    cosine = [[(v @ w) / (size(v) * size(w)) for w in V] for v in V]
    density = np.array([sum(z[j] != 0 for z in Z) / n for j in range(k)])
    largest = [max(cosine[i][j] for j in range(k) if j != i) for i in range(k)]
    return [
        1 - sum(size(x - y) ** 2 for x, y, _, _ in rows) / sum(size(x - X.mean(0)) ** 2 for x in X),
        np.mean([size(x - y) ** 2 for x, y, _, _ in rows]),
        np.mean([x @ y / (a * b) if a and b else 0 for x, y, a, b in rows]),
        np.mean([b / a if a else 0 for _, _, a, b in rows]),
        np.mean([sum(z != 0) for z in Z]),
        np.mean([sum(abs(z)) for z in Z]),
        np.mean(density > 0),
        np.mean(density > 0.01),
        np.mean(density > 0.1),
        np.mean(largest),
        max(abs(cosine[i][j]) for i in range(k) for j in range(k) if j != i),
        density,
        largest,
    ]


def check(found: gpudict.CodeMetrics, want: list, tol: float = 1e-10) -> None:
    for name, value, right in zip(found._fields, found, want, strict=True):
        value = value if isinstance(value, float) else host(value)
        np.testing.assert_allclose(value, right, atol=tol, rtol=tol, err_msg=name)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of rows, and blocks of atoms, that do not come out even."""
    monkeypatch.setattr(tally, "NUMBERS", 9 * 100)
    monkeypatch.setattr(coherence, "NUMBERS", 9 * 4)


def test_measures_are_their_formulas(backend: BackendCase, dtype: str):
    given = [a.astype(dtype) for a in problem()]
    want = formulas(*(a.astype(float) for a in given))
    with backend.temper():
        found = gpudict.code_metrics(*map(backend.asarray, given))
    check(found, want, 1e-10 if dtype == "float64" else 1e-4)
    assert want[6] < 1
    assert found.feature_density.dtype == found.max_decoder_cosine_sim.dtype


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_wherever_rows_and_codes_are():
    da, torch = pytest.importorskip("dask.array"), pytest.importorskip("torch")
    X, V, Z = problem()
    want, rows, atoms = formulas(X, V, Z), torch.asarray(X), torch.asarray(V)
    lazy, cut = da.from_array(X, chunks=(70, 6)), da.from_array(Z, chunks=(70, 9))
    stream, there = gpudict.stream, gpudict.stream(X, to="torch")
    for given in (
        (X.reshape(23, 10, 6), V, Z.reshape(23, 10, 9)),
        (X, V, sp.csr_array(Z)),
        (stream(X, batch_size=30), V, sp.csc_matrix(Z)),
        (stream([X[:99], X[99:]]), V, Z),
        (rows, atoms, torch.asarray(Z).to_sparse_csr()),
        (rows, atoms, torch.asarray(Z).to_sparse()),
        (there, V, stream(Z)),
        (lazy, V, cut),
        (lazy, V, sp.csr_array(Z)),
        (stream(lazy, to="torch"), V, cut),
    ):
        check(gpudict.code_metrics(*given), want)


def test_what_does_not_fit_is_refused():
    X, V, Z = problem()
    for given, sentence in (
        ((X, V, Z[:9]), r"Z has the shape \(9, 9\), and \(230, 9\)"),
        ((gpudict.stream([X]), V, Z[:9]), r"Z has the shape \(9, 9\)"),
        ((gpudict.stream([X[:9]]), V, Z), r"Z has the shape \(230, 9\), and \(9, 9\)"),
        ((X, V[:, :4], Z), r"V has the shape \(9, 4\)"),
        ((X, V, Z * np.nan), "Z has NaN"),
        ((iter(()), V, Z), "must be an array"),
        ((gpudict.stream(iter(())), V, Z), "yielded no batch"),
    ):
        with pytest.raises((TypeError, ValueError), match=sentence):
            gpudict.code_metrics(*given)


def test_no_matrix_of_all_atoms_is_made(monkeypatch: pytest.MonkeyPatch):
    """Nor one of all codes, where they are sparse."""
    k, n = 2000, 2000
    monkeypatch.setattr(tally, "NUMBERS", 2**15)
    monkeypatch.setattr(coherence, "NUMBERS", 2**15)
    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((n, 4)), rng.standard_normal((k, 4))
    Z = sp.random_array((n, k), density=0.001, format="csr", rng=rng)
    tracemalloc.start()
    gpudict.code_metrics(X, V, Z)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * 8 * k * k
