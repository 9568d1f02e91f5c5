"""Codes of a stream are those of the array, wherever its rows come from and its codes go to."""

from __future__ import annotations

import errno
import os
import shutil
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import gpudict
from gpudict.arrays import growing
from tests.support import problems
from tests.support.backends import BackendCase

ASKED = {
    "lasso": {"alpha": 0.1},
    "an alpha a row": {"alpha": np.linspace(0.05, 0.4, 60)},
    "warm": {"alpha": 0.1, "init": np.full((60, 24), 0.2), "solver": "fista", "max_iter": 7},
    "omp": {"n_nonzero_coefs": 3},
    "sparse": {"alpha": 0.1, "sparse_output": True},
    "portable": {"alpha": 0.1, "solver": "working_set"},
}


def dense(Z):
    """The codes as an array."""
    return Z.toarray() if sp.issparse(Z) else Z


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("size", [1, 7, 60])
def test_a_stream_has_the_codes_of_its_array(asked: str, size: int):
    X, V = problems.signal(n=60, d=16, k=24)
    want = gpudict.encode(X, V, **ASKED[asked])
    found = gpudict.encode(gpudict.stream(X, batch_size=size), V, **ASKED[asked])
    assert type(found.Z) is type(want.Z)
    np.testing.assert_allclose(dense(found.Z), dense(want.Z), atol=1e-9)
    np.testing.assert_allclose(found.gap, want.gap, atol=1e-9)
    assert (found.converged == want.converged).all()
    assert found.n_iter == want.n_iter or asked == "portable"


def test_an_iterable_has_them_too():
    X, V = problems.signal(n=60, d=16, k=24)
    want = gpudict.encode(X, V, alpha=0.1)
    found = gpudict.encode(gpudict.stream(X[i : i + 25] for i in range(0, 60, 25)), V, alpha=0.1)
    np.testing.assert_allclose(found.Z, want.Z, atol=1e-12)
    with pytest.raises(ValueError, match="yielded no batch"):
        gpudict.encode(gpudict.stream(iter([])), V, alpha=0.1)


def test_sparse_rows_are_made_dense_by_batches():
    X, V = problems.signal(n=60, d=16, k=24)
    X = np.where(np.abs(X) > 0.5, X, 0)
    want = gpudict.encode(X, V, alpha=0.1)
    for kind in (sp.csr_array, sp.csc_matrix, sp.coo_array):
        np.testing.assert_allclose(gpudict.encode(kind(X), V, alpha=0.1).Z, want.Z, atol=1e-12)


def test_codes_go_where_they_shall(tmp_path: Path):
    """Of an array too; whatever takes slices."""
    import h5py
    import zarr

    X, V = problems.signal(n=60, d=16, k=24)
    want = gpudict.encode(X, V, alpha=0.1).Z
    outs = (
        np.full((60, 24), np.nan),
        np.lib.format.open_memmap(tmp_path / "Z.npy", "w+", shape=(60, 24)),
        zarr.create_array(tmp_path / "Z", shape=(60, 24), chunks=(7, 5), dtype="f8"),
        h5py.File(tmp_path / "Z.h5", "w").create_dataset("Z", (60, 24), "f8"),
    )
    for out in outs:
        found = gpudict.encode(gpudict.stream(X, batch_size=7), V, alpha=0.1, out=out)
        assert found.Z is out
        assert found.gap.shape == (60,)
        np.testing.assert_allclose(out[:], want, atol=1e-12)
        out[:] = 0
        gpudict.encode(X, V, alpha=0.1, out=out)
        np.testing.assert_allclose(out[:], want, atol=1e-12)


def mapped(path: Path) -> sp.csr_array:
    """The matrix of a folder as the docstring maps it."""
    names = ("data", "indices", "indptr")
    parts = tuple(np.load(f"{path}/{name}.npy", mmap_mode="r") for name in names)
    n, k = np.load(path / "shape.npy")
    return sp.csr_array(parts, shape=(n, k))


def is_mapped(a: np.ndarray | None) -> bool:
    """Whether an array is a view of a map."""
    return isinstance(a, np.memmap) or (isinstance(a, np.ndarray) and is_mapped(a.base))


def test_codes_grow_on_a_disk(tmp_path: Path):
    """Of an array, of batches nobody counted: sparse, and of a folder no part is read."""
    X, V = (a.astype("f4") for a in problems.signal(n=60, d=16, k=24))
    want = gpudict.encode(X, V, alpha=0.1)
    for name, read in (("Z.npz", sp.load_npz), ("Z.csr", mapped)):
        for source in (X, gpudict.stream(iter([X[:7], X[7:]]))):
            out = tmp_path / type(source).__name__ / name
            out.parent.mkdir(exist_ok=True)
            found = gpudict.encode(source, V, alpha=0.1, out=str(out))
            assert Path(out) == found.Z
            np.testing.assert_allclose(found.gap, want.gap, atol=1e-5)
            Z = read(out)
            assert isinstance(Z, sp.csr_array)
            assert (Z.dtype, Z.indices.dtype, Z.indptr.dtype) == ("f4", "i4", "i4")
            np.testing.assert_allclose(Z.toarray(), want.Z, atol=1e-4)  # each converged, in float32
    assert all(map(is_mapped, (Z.data, Z.indices, Z.indptr)))
    rows = np.concatenate(list(gpudict.stream(out, batch_size=25)))
    np.testing.assert_array_equal(rows, Z.toarray())


def test_codes_of_any_library_grow(tmp_path: Path, backend: BackendCase):
    X, V = problems.signal(n=9, d=8, k=10)
    out = tmp_path / "Z.npz"
    gpudict.encode(backend.asarray(X), backend.asarray(V), alpha=0.1, out=out)
    want = gpudict.encode(X, V, alpha=0.1).Z
    np.testing.assert_allclose(sp.load_npz(out).toarray(), want, atol=1e-3)


def test_many_codes_have_wide_indices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Both in one dtype, or SciPy would copy; what is written a chunk at a time is all of it."""
    X, V = problems.signal(n=60, d=16, k=24)
    want = gpudict.encode(X, V, alpha=0.1)
    monkeypatch.setattr(growing, "INDEX", np.dtype("i1"))
    monkeypatch.setattr(growing, "CHUNK", 24)
    gpudict.encode(X, V, alpha=0.1, out=tmp_path / "Z.npz")
    Z = np.load(tmp_path / "Z.npz")
    assert Z["indices"].dtype == Z["indptr"].dtype == np.int64
    np.testing.assert_array_equal(sp.load_npz(tmp_path / "Z.npz").toarray(), want.Z)


@pytest.mark.compiled  # others work in more than these codes take
def test_few_codes_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of codes that grow on a disk: a part of what they are."""
    monkeypatch.setattr(growing, "CHUNK", 2**16)
    rng, out = np.random.default_rng(0), tmp_path / "Z.npz"
    X, V = rng.standard_normal((4000, 32)), problems.unit(rng.standard_normal((64, 32)))
    gpudict.encode(X[:9], V, alpha=0.01, out=out)
    tracemalloc.start()
    gpudict.encode(gpudict.stream(X, batch_size=100), V, alpha=0.01, out=out)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < out.stat().st_size / 2


def test_what_breaks_off_leaves_no_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever fails: a row, the disk, who asked; and an old file is as it was."""
    X, V = problems.signal(n=60, d=16, k=24)
    old, new = tmp_path / "old.npz", tmp_path / "new.csr"
    old.write_text("old")

    def rows(error):
        yield X[:30]
        raise error

    errors = (OSError("the disk is gone"), KeyboardInterrupt("now"), ValueError("NaN"))
    for error in errors:
        for out in (old, new):
            with pytest.raises(type(error), match=str(error)):
                gpudict.encode(gpudict.stream(rows(error)), V, alpha=0.1, out=out)
    monkeypatch.setattr(growing, "_copied", lambda *_: [][0])
    for out in (old, new):
        with pytest.raises(IndexError):
            gpudict.encode(X, V, alpha=0.1, out=out)
    monkeypatch.undo()
    assert old.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["old.npz"]
    new.touch()
    for out, kind, words in (
        (new, FileExistsError, r"new\.csr is there, .* Pass another name"),
        (tmp_path / "no" / "Z.npz", FileNotFoundError, "Z.npz"),
        (tmp_path / "Z.txt", ValueError, r"a file \.npz or of a new folder \.csr"),
    ):
        with pytest.raises(kind, match=words):
            gpudict.encode(gpudict.stream(Unread(), batch_size=7), V, alpha=0.1, out=out)


@pytest.mark.parametrize("out", [np.zeros((59, 24)), np.zeros((60, 23)), [0], (60, 24)])
def test_what_codes_do_not_fit_is_refused(out):
    X, V = problems.signal(n=60, d=16, k=24)
    with pytest.raises(ValueError, match=r"one of \(60, 24\) into which slices"):
        gpudict.encode(X, V, alpha=0.1, out=out)
    with pytest.raises(ValueError, match="Pass one of the two"):
        gpudict.encode(X, V, alpha=0.1, out=np.zeros((60, 24)), sparse_output=True)


def test_codes_of_any_library_go_there(backend: BackendCase):
    X, V = problems.signal(n=60, d=16, k=24)
    out = np.full((60, 24), np.nan)
    found = gpudict.encode(backend.asarray(X), backend.asarray(V), alpha=0.1, out=out)
    np.testing.assert_allclose(out, gpudict.encode(X, V, alpha=0.1).Z, atol=1e-3)
    assert type(found.gap) is type(backend.asarray(V))


@pytest.mark.parametrize("dtype", ["i8", "?", "S8", "M8[s]"])
def test_codes_are_not_cut_to_integers(dtype):
    X, V = problems.signal(n=60, d=16, k=24)
    with pytest.raises(TypeError, match="of float32 or float64: others would cut them"):
        gpudict.encode(X, V, alpha=0.1, out=np.zeros((60, 24), dtype))


@pytest.mark.parametrize("name", ["X", "V", "init"])
def test_codes_are_not_written_over_what_is_read(name: str):
    rng = np.random.default_rng(0)
    X, V, init = rng.standard_normal((3, 12, 12))
    out = {"X": X, "V": V, "init": init}[name][::-1]
    with pytest.raises(ValueError, match=f"out shares its memory with {name}"):
        gpudict.encode(X, V, alpha=0.1, init=init, out=out)


def test_what_does_not_fit_all_rows_is_refused_before_the_first():
    """As it is for an array: an alpha or a start too many, a map that is read."""
    X, V = problems.signal(n=60, d=16, k=24)
    read = np.zeros((60, 24))
    read.flags.writeable = False
    for given in (
        {"alpha": np.full(59, 0.1)},
        {"alpha": [0.1] * 61},
        {"alpha": 0.1, "init": np.zeros((61, 24))},
        {"alpha": 0.1, "init": np.zeros((59, 24))},
        {"alpha": 0.1, "out": read},
        {"penalty": gpudict.ElasticNet(np.full(61, 0.1), 0.1)},
        {"penalty": gpudict.WeightedL1(0.1, np.ones((61, 24)))},
    ):
        with pytest.raises(ValueError, match=r"X has 60. Pass as many|can't be written to"):
            gpudict.encode(gpudict.stream(Unread(), batch_size=7), V, **given)
    for n, said in ((59, "59 rows, and X has 60 or more"), (61, "61 rows, and X has 60. Pass")):
        for given in ({"penalty": gpudict.WeightedL1(0.1, np.ones((n, 24)))}, {"alpha": [1.0] * n}):
            with pytest.raises(ValueError, match=said):
                gpudict.encode(gpudict.stream([X[:30], X[30:]]), V, **given)
    with pytest.raises(ValueError, match="out has 50 rows, and X has 60 or more"):
        gpudict.encode(gpudict.stream([X[:30], X[30:]]), V, alpha=0.1, out=np.zeros((50, 24)))


class Full:
    """A data set of h5py on a disk that is full: it says so when it is flushed."""

    shape, dtype = (60, 24), np.dtype("f8")

    def __setitem__(self, here, rows):
        pass

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.skipif(os.name != "posix", reason="it asks for the blocks of a file")
def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    X, V = problems.signal(n=60, d=16, k=24)
    with pytest.raises(OSError, match="No space left"):
        gpudict.encode(X, V, alpha=0.1, out=Full())
    out = np.lib.format.open_memmap(tmp_path / "Z.npy", "w+", shape=(60, 24))
    gpudict.encode(X, V, alpha=0.1, out=out)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, 0))
    empty = np.lib.format.open_memmap(tmp_path / "Y.npy", "w+", shape=(60, 24))
    os.truncate(tmp_path / "Y.npy", 2**30)  # of which no block is there
    with pytest.warns(UserWarning, match="bytes too few for all codes"):
        gpudict.encode(X, V, alpha=0.1, out=empty)


class Unread:
    """Rows that nobody may read."""

    shape, dtype = (60, 16), np.dtype("f8")

    def __getitem__(self, here):
        raise AssertionError


def test_silence_is_that_of_all_batches():
    """No batch alone is said to be silent; where all are, the largest entry of all is said."""
    X, V = problems.signal(n=60, d=16, k=24)
    X[:30] *= 1e-6
    top = np.abs(X @ V.T).max()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gpudict.encode(gpudict.stream(X, batch_size=10), V, alpha=0.1 * top)
    with pytest.warns(UserWarning, match=f"from {top:.3g} on"):
        gpudict.encode(gpudict.stream(X, batch_size=10), V, alpha=2 * top)


def test_columns_of_sparse_codes_are_not_copied():
    """SciPy takes the ends and the columns in one dtype, so the ends take that of the columns."""
    X, V = problems.signal(n=60, d=16, k=24)
    Z = gpudict.encode(X, V, alpha=0.1, sparse_output=True).Z
    assert Z.indices.dtype == Z.indptr.dtype == np.dtype("int32")
