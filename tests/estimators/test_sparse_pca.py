"""`SparsePCA`: the components of scikit-learn's, and of rows that are read those of the array."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.decomposition as theirs

import gpudict
from gpudict import MiniBatchSparsePCA, SparsePCA
from gpudict.arrays.chunks.loop import Loop
from gpudict.arrays.sources.table import Table
from gpudict.learning import summed
from tests.support import problems
from tests.support.backends import BackendCase, host


def test_sparse_pca():
    """The components of both agree where both converge."""
    data, _ = problems.signal(n=60, d=8, k=3)
    options = {"alpha": 0.5, "max_iter": 500, "tol": 1e-12, "method": "lars", "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = theirs.SparsePCA(3, **options).fit(data)
    ours = SparsePCA(3, **options).fit(data)
    np.testing.assert_allclose(ours.components_, want.components_, atol=1e-4)
    np.testing.assert_allclose(ours.transform(data), want.transform(data), atol=1e-3)
    assert ours.n_components_ == 3
    assert ours.converged_


KINDS = pytest.mark.parametrize("kind", [SparsePCA, MiniBatchSparsePCA])
N, D = 300, 12


def planted(offset: float = 0.0) -> np.ndarray:
    """Rows far from 0, for which 4 components are all used."""
    rng = np.random.default_rng(0)
    return problems.signal(n=N, d=D, k=5)[0] + offset * rng.standard_normal(D)


def learned(kind, X, weight=None, **options):
    options = {"n_components": 4, "alpha": 0.5, "max_iter": 40, "random_state": 0} | options
    return kind(**options).fit(X, sample_weight=weight)


def sources(X: np.ndarray, folder: Path) -> dict[str, object]:
    """The rows as they are read in each way."""
    import h5py
    import zarr

    np.save(folder / "X.npy", X)
    np.save(folder / "a.npy", X[:100])
    np.save(folder / "b.npy", X[100:])
    chunked = zarr.create_array(
        zarr.storage.MemoryStore(), shape=X.shape, chunks=(70, 5), dtype=X.dtype
    )
    chunked[:] = X
    return {
        "memmap": np.load(folder / "X.npy", mmap_mode="r"),
        "csr": sp.csr_array(X),
        "csc": sp.csc_matrix(X),
        "zarr": chunked,
        "h5": h5py.File(folder / "X.h5", "w").create_dataset("X", data=X),
        "files": gpudict.stream([folder / "a.npy", folder / "b.npy"]),
        "batches": gpudict.stream(X, batch_size=7),
        "an iterator": gpudict.stream(X[low : low + 70] for low in range(0, N, 70)),
    }


@KINDS
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_rows_that_are_read_are_the_array(kind, offset: float, tmp_path: Path):
    """The same components, gaps and errors, however far from 0 the rows are."""
    X = planted(offset)
    weight = np.arange(N) % 4 / 2
    want, weighted = learned(kind, X), learned(kind, X, weight)
    assert all(h.unused == 0 for h in want.history_ + weighted.history_)
    for name, source in sources(X, tmp_path).items():
        found = learned(kind, source)
        same(found, want, name)
        if name != "an iterator":
            same(learned(kind, source, weight), weighted, name)
            close(found.transform(source), want.transform(X), name)


@KINDS
def test_of_chunks_sums_come(kind):
    """One after the other, and on Dask's threads; rows without weight are in one of them."""
    import dask.array as da

    X, weight = planted(1e4), np.where(np.arange(N) < 80, 0.0, np.arange(N) % 4 / 2)
    cuts = [0, 70, 75, 220, N]
    loop = Loop.of([X[low:high] for low, high in pairwise(cuts)])
    for source in (loop, da.from_array(X, chunks=(tuple(np.diff(cuts)), D))):
        same(learned(kind, source), learned(kind, X), type(source).__name__)
        same(learned(kind, source, weight), learned(kind, X, weight), type(source).__name__)


@KINDS
def test_as_many_components_as_features_begin_as_of_the_array(kind):
    X, few = planted(), {"n_components": None, "alpha": 0.05, "max_iter": 3}
    same(learned(kind, gpudict.stream(X), **few), learned(kind, X, **few), "square")


def same(found, want, name: str, atol: float = 1e-10) -> None:
    close(found.components_, want.components_, name, atol)
    close(found.mean_, want.mean_, name, atol)
    close([h.objective for h in found.history_], [h.objective for h in want.history_], name, atol)
    assert found.n_features_in_ == want.n_features_in_
    assert found.n_iter_ == want.n_iter_
    assert (found.dual_gap_ >= 0).all()
    assert found.dual_gap_.shape == want.dual_gap_.shape


def close(found, want, name: str, atol: float = 1e-10) -> None:
    np.testing.assert_allclose(found, want, rtol=atol, atol=atol, err_msg=name)


@KINDS
def test_where_batches_go_is_where_it_is_fitted(kind, backend: BackendCase, dtype: str):
    X = planted(3.0)
    with backend.temper():
        there = backend.asarray(X.astype(dtype))
        found = learned(kind, gpudict.stream(X.astype(dtype), to=there), max_iter=3, tol=0)
        want = learned(kind, X, max_iter=3, tol=0)
        atol = {"float32": 1e-4, "float64": 1e-10}[dtype]
        for made, meant in ((found.components_, want.components_), (found.mean_, want.mean_)):
            assert type(made) is type(there)
            assert str(made.dtype).endswith(dtype)
            close(host(made), meant, "", atol)


@KINDS
def test_no_more_rows_are_made_than_a_batch(kind, monkeypatch: pytest.MonkeyPatch):
    """Nor all of them, unless they are fewer than features, and smaller than sums."""
    X, read = planted(), []
    monkeypatch.setattr(summed, "NUMBERS", 50 * D)
    monkeypatch.setattr(
        Table, "rows", lambda self, low, high: read.append(high - low) or X[low:high]
    )
    learned(kind, sp.csr_array(X))
    assert max(read) == 50
    wide = X[:9]
    np.testing.assert_array_equal(learned(kind, sp.csr_array(wide)).components_,
                                  learned(kind, wide).components_)  # fmt: skip
    assert read[-1] == 9


@KINDS
def test_what_streams_can_not_have(kind):
    X = planted()
    X[123, 4] = np.nan
    with pytest.raises(ValueError, match="has NaN or infinity in row 123"):
        learned(kind, gpudict.stream(X, batch_size=50))
    with pytest.raises(ValueError, match="a batch of X has NaN"):
        learned(kind, gpudict.stream([X[:50], X[100:150]]))
    X[123, 4] = 0
    with pytest.raises(ValueError, match=r"sample_weight has the shape \(3,\)"):
        learned(kind, gpudict.stream(X), np.ones(3))
    with pytest.raises(ValueError, match="yielded no batch"):
        learned(kind, gpudict.stream(iter([])))
    with pytest.raises(ValueError, match="can only be cut along with an array"):
        learned(kind, gpudict.stream([X]), np.ones(N))
    start = learned(SparsePCA, X)
    if kind is SparsePCA:
        with pytest.raises(ValueError, match=r"U_init came with rows that are read .* V_init"):
            learned(kind, gpudict.stream(X), U_init=start.transform(X))
        again = {"V_init": start.components_, "max_iter": 3}
        same(learned(kind, gpudict.stream(X), **again), learned(kind, X, **again), "V_init")
