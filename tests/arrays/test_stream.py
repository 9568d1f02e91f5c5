"""Rows are the same wherever they are read from, and what can't be read says so."""

from __future__ import annotations

import datetime
import os
import pickle
import threading
import time
import tracemalloc
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import gpudict
from gpudict.arrays.sources import files as archives
from gpudict.arrays.sources import mixing
from gpudict.arrays.sources import stream as streams
from gpudict.arrays.sources.ahead import ahead
from gpudict.arrays.sources.table import Table
from tests.support import problems
from tests.support.backends import BackendCase, host

N, D = 530, 12


def data() -> np.ndarray:
    """Rows of which each can be told from the others."""
    X, _ = problems.signal(n=N, d=D, k=16)
    return X.astype("float32")


def files(X: np.ndarray, folder: Path) -> dict[str, object]:
    """The rows in each kind of file, and in several of one kind."""
    import pyarrow as pa
    import zarr
    from pyarrow import parquet
    from safetensors.numpy import save_file

    np.save(folder / "X.npy", X)
    np.save(folder / "a.npy", X[:200])
    np.save(folder / "b.npy", X[200:])
    np.savez_compressed(folder / "X.npz", X=X, labels=np.arange(N))
    save_file({"X": X}, folder / "X.safetensors")
    columns = pa.table({f"c{j}": X[:, j] for j in range(D)})
    parquet.write_table(columns, folder / "X.parquet", row_group_size=70)
    sp.save_npz(folder / "rows.npz", sp.csr_array(X))
    with h5py.File(folder / "several.h5", "w") as file:
        file["there/Y"], file["X"] = X, np.zeros((2, 2))
    zarr.create_array(folder / "X.zarr", data=X, chunks=(100, 5), overwrite=True)
    zarr.create_group(folder / "group.zarr", overwrite=True).create_array("there/Y", data=X)
    for name, whole in {"csr": sp.csr_matrix(X), "dense": X}.items():
        annotated(whole, folder / f"{name}.h5ad")
    names = ("X.npy", "X.npz", "X.safetensors", "X.parquet", "rows.npz", "X.zarr", "group.zarr")
    return {
        **{name: folder / name for name in (*names, "csr.h5ad", "dense.h5ad")},
        **{name: f"{folder / name}:there/Y" for name in ("several.h5", "group.zarr")},
        "X.npz:X": f"{folder / 'X.npz'}:X",
        "files": [str(folder / "a.npy"), folder / "b.npy"],
    }


def annotated(X: object, path: Path) -> None:
    """Write what AnnData writes: its matrix and how that is encoded."""
    anndata = pytest.importorskip("anndata")
    anndata.AnnData(X).write_h5ad(path)


def arrays(X: np.ndarray, folder: Path) -> dict[str, object]:
    """The rows in what is sliced: chunks of part of a row and of one row among them."""
    import zarr

    made: dict[str, object] = {"array": X, "csr": sp.csr_array(X), "csc": sp.csc_matrix(X)}
    made["memmap"] = np.lib.format.open_memmap(folder / "m.npy", "w+", dtype="f4", shape=X.shape)
    made["memmap"][:] = X
    made["big-endian"] = X.astype(">f4").view(np.memmap)
    for chunks in ((100, D), (1, 5), (7, 3)):
        name = f"zarr {chunks}"
        store = zarr.storage.MemoryStore()
        made[name] = zarr.create_array(store, shape=X.shape, chunks=chunks, dtype="f4")
        made[name][:] = X
    file = h5py.File(folder / "X.h5", "w")
    made["h5"] = file.create_dataset("X", data=X, chunks=(50, 4))
    made["h5, no chunks"] = file.create_dataset("Y", data=X)
    return made


def test_rows_are_the_same_from_everywhere(tmp_path: Path):
    """In order, and shuffled: each once, in another order each time."""
    X = data()
    for name, source in {**files(X, tmp_path), **arrays(X, tmp_path)}.items():
        batches = list(gpudict.stream(source, batch_size=100))
        assert [len(b) for b in batches] == [100] * 5 + [30], name
        np.testing.assert_array_equal(np.concatenate(batches), X, err_msg=name)
        assert batches[0].dtype == np.dtype("float32"), name
        mixed = gpudict.stream(source, batch_size=100, shuffle=True, random_state=0)
        once, again = (np.concatenate(list(mixed)) for _ in range(2))
        for rows in (once, again):
            np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(X, axis=0), err_msg=name)
        assert (once != X).any(axis=1).mean() > 0.9, name
        assert (once != again).any(axis=1).mean() > 0.9, name


def test_floats_of_16_bits_are_read_from_files(tmp_path: Path):
    """Of bfloat16, which NumPy has not, in float32; codes are float32 of both."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    X, V = torch.asarray(data()), problems.signal(n=N, d=D, k=16)[1]
    for dtype in (torch.float16, torch.bfloat16):
        given = X.to(dtype)
        save_file({"before": X[:1, :1], "X": given}, tmp_path / "X.safetensors")
        rows = gpudict.stream(tmp_path / "X.safetensors", batch_size=100)
        np.testing.assert_array_equal(np.concatenate(list(rows)), given.float())
        want = gpudict.encode(given.float().numpy(), V, alpha=0.1).Z
        found = gpudict.encode(rows, V, alpha=0.1).Z
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, want, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000])
@pytest.mark.parametrize("size", [1, 64, 529, 600])
def test_mixed_rows_keep_their_numbers(chunk: int, size: int, monkeypatch: pytest.MonkeyPatch):
    """Blocks begin where chunks do, each is read once, batches are full but for the last."""
    monkeypatch.setattr(mixing, "BLOCK", 20 * 4 * D)
    monkeypatch.setattr(mixing, "MIXED", 90 * 4 * D)
    X, read = data(), []

    def reads(low: int, high: int) -> np.ndarray:
        read.append((low, high))
        return X[low:high]

    table = Table("X", X.shape, X.dtype, reads, chunk)
    numbers, rows = zip(*mixing.mixed(table, size, np.random.RandomState(0)), strict=True)
    assert [len(r) for r in rows[:-1]] == [min(size, N)] * (-(-N // size) - 1)
    assert sorted(np.concatenate(numbers)) == list(range(N))
    np.testing.assert_array_equal(np.concatenate(rows), X[np.concatenate(numbers)])
    assert all(low % chunk == 0 and (high % chunk == 0 or high == N) for low, high in read)
    assert sorted(high for _, high in read)[:-1] == sorted(low for low, _ in read)[1:]
    assert len(read) == 1 or read != sorted(read)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_generator_is_left_to_its_owner(make):
    """It is asked once, at the call: the thread that reads draws from another."""
    walk, rng, other = gpudict.stream(data()), make(0), make(0)
    batches = walk.batches(50, rng)
    other.bytes(16)
    after = rng.bytes(8)
    assert after == other.bytes(8)
    first = np.concatenate([rows for _, rows in batches])
    assert rng.bytes(8) == other.bytes(8)
    again = np.concatenate([rows for _, rows in walk.batches(50, make(0))])
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_some_rows_are_random_ones(chunk: int):
    X = data()
    table = Table("X", X.shape, X.dtype, lambda low, high: X[low:high], chunk)
    stream = streams.Stream(table, None, np.asarray)
    numbers, rows = stream.some(128, np.random.RandomState(0))
    assert len(set(numbers)) == len(numbers)
    assert 100 <= len(numbers) <= 140
    np.testing.assert_array_equal(rows, X[numbers])
    assert len(stream.some(N, np.random.RandomState(0))[0]) == N


def test_batches_go_where_they_shall(backend: BackendCase):
    """To where an array is; in the dtype that they have."""
    X = data()
    like = backend.asarray(np.zeros(3))
    for batch in gpudict.stream(sp.csr_array(X), batch_size=300, to=like):
        assert type(batch) is type(like)
        assert host(batch).dtype == X.dtype
    V = backend.asarray(problems.unit(np.eye(D)[:8].astype("float32")))
    found = gpudict.encode(gpudict.stream(sp.csr_array(X), batch_size=300, to=like), V, alpha=0.1)
    want = gpudict.encode(X, host(V), alpha=0.1)
    np.testing.assert_allclose(host(found.Z), want.Z, atol=1e-4)
    assert type(found.Z) is type(like)


def test_batches_may_be_sparse():
    X = data()
    batches = [sp.csr_array(X[:100]), X[100:150], sp.coo_matrix(X[150:])]
    found = list(gpudict.stream(batches))
    np.testing.assert_array_equal(np.concatenate(found), X)
    V = problems.unit(np.eye(D)[:8].astype("float32"))
    want = gpudict.encode(X, V, alpha=0.1).Z
    np.testing.assert_allclose(gpudict.encode(gpudict.stream(batches), V, alpha=0.1).Z, want)


def test_streams_are_sent_where_their_sources_are(tmp_path: Path):
    """Files and maps by their place, as much of a map as it was; in the same order again."""
    X = data()
    np.save(tmp_path / "a.npy", X[:200])
    np.save(tmp_path / "b.npy", X[200:])
    sources = {"files": [str(tmp_path / "a.npy"), tmp_path / "b.npy"], **arrays(X, tmp_path)}
    sources["slice"] = sources["memmap"][7:]
    unsent = ("h5", "h5, no chunks")
    options = {"batch_size": 100, "shuffle": True, "random_state": 3, "to": np.zeros(3)}
    for name, source in sources.items():
        if name in unsent:
            with pytest.raises(TypeError, match="h5py objects cannot be pickled"):
                pickle.dumps(gpudict.stream(source))
            continue
        sent = pickle.dumps(gpudict.stream(source, **options))
        assert len(sent) < X.nbytes / 3 or name not in ("files", "memmap", "slice"), name
        found, want = pickle.loads(sent), gpudict.stream(source, **options)
        for a, b in zip(found, want, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    changed = np.memmap(tmp_path / "m.npy", "f4", "c", 128, X.shape)
    changed[0] = 7
    assert (next(iter(pickle.loads(pickle.dumps(gpudict.stream(changed)))))[0] == 7).all()


def test_a_dask_array_is_not_walked():
    dask = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match=r"rows in chunks.* iterate over array\.blocks"):
        iter(gpudict.stream(dask.from_array(data())))


def test_places_have_names():
    assert isinstance(next(iter(gpudict.stream(data()[None, 0], to="numpy"))), np.ndarray)
    with pytest.raises(ValueError, match="Unknown backend 'nowhere'"):
        gpudict.stream(data(), to="nowhere")
    with pytest.raises(TypeError, match="to is a int"):
        gpudict.stream(data(), to=1)


REFUSED = {
    "no file": (FileNotFoundError, "is no file"),
    "x.txt": (ValueError, "of a kind that is not read"),
    "cut.npy": (ValueError, "can't be read as a .npy file"),
    "cut.npz": (ValueError, "can't be read as a .npz file"),
    "cut.safetensors": (ValueError, "can't be read as a .safetensors file"),
    "cut.parquet": (ValueError, "can't be read as a .parquet file"),
    "three.npy": (ValueError, "of two dimensions is needed"),
    "two.npz": (ValueError, "has 2 arrays"),
    "cut.csv": (ValueError, "can't be read as a .csv file"),
    "holes.csv": (ValueError, "1 missing values in the column b"),
    "cut.h5": (ValueError, "can't be read as a .h5 file"),
    "none.h5": (ValueError, "has 0 arrays"),
    "two.h5": (ValueError, r"has 2 arrays \(a, b/c\), .* Pass .*two.h5:NAME"),
    "columns.h5ad": (ValueError, "is a csc_matrix, and an array or a csr_matrix is needed"),
    "empty.csv": (ValueError, "can't be read as a .csv file"),
    "words.csv": (ValueError, "string in the column w"),
    "words.npy": (ValueError, "the dtype <U1"),
    "objects.npz": (ValueError, "can't be read as a .npz file"),
    "short.safetensors": (ValueError, "has F8_E4M3, and integers or floats"),
    "words.parquet": (ValueError, "string in the column w"),
    "lists.parquet": (ValueError, "has list<.*> in the column w"),
    "days.parquet": (ValueError, "date32.* in the column w"),
    "index.parquet": (ValueError, "at least one row and one column"),
}


def two_sets(path: Path, *, cut: bool = False) -> None:
    """Write a file with two data sets, one of them in a group, all of it or the half."""
    with h5py.File(path, "w") as file:
        file["a"] = file["b/c"] = np.zeros((2, 2))
    os.truncate(path, path.stat().st_size // (1 + cut))


WRITTEN = {
    "cut.csv": lambda path: path.write_text("a,b\n1,2\n3"),
    "holes.csv": lambda path: path.write_text("a,b\n1,2\n3,\n"),
    "cut.h5": partial(two_sets, cut=True),
    "none.h5": lambda path: h5py.File(path, "w").close(),
    "two.h5": two_sets,
    "columns.h5ad": lambda path: annotated(sp.csc_matrix(data()), path),
    "empty.csv": Path.touch,
    "words.csv": lambda path: path.write_text("v,w\n1,a\n2,b\n"),
    "words.npy": lambda path: np.save(path, np.array([["a", "b"]])),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_refused(name: str, tmp_path: Path):
    kind, words = REFUSED[name]
    path = tmp_path / (name if "." in name else "none.npy")
    if name == "x.txt":
        path.write_text("1 2")
    elif name in WRITTEN:
        WRITTEN[name](path)
    elif name.startswith("cut"):
        whole = Path(files(data(), tmp_path)[f"X{path.suffix}"])
        path.write_bytes(whole.read_bytes()[:2000])
    elif name == "three.npy":
        np.save(path, np.zeros((2, 2, 2)))
    elif path.suffix == ".npz":
        one = {"one": np.zeros((2, 2), object)}
        np.savez(path, **one if "objects" in name else {"a": np.zeros((2, 2)), "b": np.zeros(2)})
    elif name == "short.safetensors":
        torch = pytest.importorskip("torch")
        save = pytest.importorskip("safetensors.torch").save_file
        save({"X": torch.zeros((2, 2), dtype=torch.float8_e4m3fn)}, path)
    elif path.suffix == ".parquet":
        values = {"words": ["a"], "lists": [[1.0]], "days": [datetime.date(1, 1, 1)], "index": [1]}
        frame = pd.DataFrame({"w": values[path.stem]})
        (frame.set_index("w") if "index" in name else frame).to_parquet(path)
    with pytest.raises(kind, match=words):
        gpudict.stream(path)


def test_the_columns_of_a_frame_are_its_data(tmp_path: Path):
    """Its index is not; and what is missing is no number, of whichever type."""
    X = pd.DataFrame(data(), columns=[f"c{j}" for j in range(D)])
    X.index.name = "row"
    some = X[X["c0"] > 0]
    for index in (some.index, pd.Index([f"r{i}" for i in some.index]), pd.RangeIndex(len(some))):
        some.set_index(index).to_parquet(tmp_path / "X.parquet", row_group_size=70)
        batches = gpudict.stream(tmp_path / "X.parquet", batch_size=50)
        np.testing.assert_array_equal(np.concatenate(list(batches)), some.to_numpy())
    for kind in ("Int64", "Float64", "boolean"):
        holes = (X * 0).astype(kind)
        holes.loc[100, "c3"] = None
        holes.to_parquet(tmp_path / "X.parquet", row_group_size=70)
        with pytest.raises(ValueError, match="1 missing values in the column c3, row group 1"):
            list(gpudict.stream(tmp_path / "X.parquet"))


def test_text_with_names_without_and_with_an_index(tmp_path: Path):
    """The names are told from numbers, and the index that pandas writes is no data."""
    X, path = data()[:5].astype("f8"), tmp_path / "X.csv"
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(D)])
    bare = {"index": False, "header": False}
    for how in ({}, {"index": False}, bare, bare | {"encoding": "utf-8-sig"}):
        frame.to_csv(path, **how)
        np.testing.assert_array_equal(np.concatenate(list(gpudict.stream(path))), X)


def test_files_of_another_byte_order_are_joined(tmp_path: Path):
    X = data()
    np.save(tmp_path / "a.npy", X[:200].astype(">f4"))
    np.save(tmp_path / "b.npy", X[200:])
    batches = list(gpudict.stream([tmp_path / "a.npy", tmp_path / "b.npy"], batch_size=300))
    np.testing.assert_array_equal(np.concatenate(batches), X)


def test_a_folder_and_a_pattern_are_their_files(tmp_path: Path):
    """In natural order; what is no data, and folders that are one array, are what they were."""
    X, parts = data(), tmp_path / "parts"
    for i, low in enumerate(range(0, N, 50)):  # 0 to 10
        path = parts / "day 2" / f"p{i}.npy" if i == 10 else parts / f"p{i}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, X[low : low + 50])
    (parts / "README.txt").write_text("of no matter")
    (parts / ".hidden.npy").write_text("nor that")
    rows = lambda source: np.concatenate(list(gpudict.stream(source)))  # noqa: E731
    np.testing.assert_array_equal(rows(parts / "**" / "*.npy"), np.r_[X[500:], X[:500]])
    for source in (
        parts,
        f"{parts}/*",
        f"{parts}/p[0-9].npy",
        [f"{parts}/p[0-4].*", f"{parts}/p[5-9].*"],
    ):
        np.testing.assert_array_equal(rows(source), X[:500])
    (parts / "p3.npy").rename(parts / "p12.npy")
    np.testing.assert_array_equal(rows(parts)[-50:], X[150:200])
    np.save(parts / "p[0].npy", X[:9])
    np.testing.assert_array_equal(rows(parts / "p[0].npy"), X[:9])
    for n in (10, 9):
        np.savez(tmp_path / f"a{n}.npz", one=X[:n], other=X[:2])
    assert len(rows(f"{tmp_path}/a*.npz:one")) == 19
    for nothing, words in (
        (f"{parts}/q*.npy", "matches no file"),
        (tmp_path / "empty", "has no file"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(FileNotFoundError, match=rf"{words}\. Pass a file that ends in"):
            gpudict.stream(nothing)


def test_sources_that_are_refused(tmp_path: Path):
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="is in memory"):
        gpudict.stream(torch.zeros(3, 2))
    with pytest.raises(TypeError, match=r"source is a builtins\.int"):
        gpudict.stream(3)
    with pytest.raises(TypeError, match="source is a masked array"):
        gpudict.stream(np.ma.masked_greater(data(), 1))
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    np.save(tmp_path / "b.npy", np.zeros((2, 4)))
    with pytest.raises(ValueError, match="one width and dtype"):
        gpudict.stream([tmp_path / "a.npy", tmp_path / "b.npy"])


def test_of_many_files_few_rows_are_held(tmp_path: Path):
    """The last that was unpacked is kept, of whichever file; one that changes is seen."""
    sources = [files(data(), tmp_path)[name] for name in ("X.npz", "X.parquet")]
    kept = (archives._archived, archives._group)
    for source in sources:
        list(gpudict.stream(source, batch_size=50))
    assert [cache.cache_info().currsize for cache in kept] == [1, 1]
    np.savez(tmp_path / "X.npz", X=2 * data())
    os.utime(tmp_path / "X.npz", ns=(1, 1))
    first = next(iter(gpudict.stream(sources[0], batch_size=50)))
    np.testing.assert_array_equal(first, 2 * data()[:50])
    with pytest.raises(ValueError, match="yielded no batch"):
        gpudict.SparseCoder(np.eye(D)).transform(gpudict.stream(iter([])))


YIELDING = {
    "a file of h5py": lambda X, folder: h5py.File(files_of_h5(X, folder)),
    "a DataFrame": lambda X, folder: pd.DataFrame(X),
    "a generator of paths": lambda X, folder: iter([folder / "X.npy"]),
    "an array of paths": lambda X, folder: np.array(["X.npy"]),
    "lists": lambda X, folder: [X.tolist()],
    "sparse columns": lambda X, folder: [sp.coo_array(X[0])],
    "single rows": lambda X, folder: iter(X),
}


def files_of_h5(X: np.ndarray, folder: Path) -> Path:
    """A file with one data set."""
    with h5py.File(folder / "X.h5", "w") as file:
        file.create_dataset("X", data=X)
    return folder / "X.h5"


@pytest.mark.parametrize("name", YIELDING)
def test_what_yields_no_arrays_is_said(name: str, tmp_path: Path):
    walk = gpudict.stream(YIELDING[name](data(), tmp_path))
    with pytest.raises(TypeError, match=r"The source yielded a .* arrays \(b, d\) are needed, or"):
        gpudict.encode(walk, np.eye(D), alpha=0.1)


def test_what_a_stream_can_not_be_made_of_is_said_at_once():
    X = data()
    with pytest.raises(ValueError, match="to='torch:nowhere' can't be reached"):
        gpudict.stream(X, to="torch:nowhere")
    with pytest.raises(ValueError, match="random_state must be"):
        gpudict.stream(X, random_state="0")
    with pytest.raises(TypeError, match="is a stream already"):
        gpudict.stream(gpudict.stream(X), batch_size=3)


def test_where_an_array_is_needed_a_stream_or_a_path_is_told(tmp_path: Path):
    for call in (np.asarray, lambda V: gpudict.encode(data(), V, alpha=0.1)):
        with pytest.raises(TypeError, match="stream, which is read batch by batch"):
            call(gpudict.stream(data()))
    for face in (
        gpudict.DictionaryLearning(3).fit,
        partial(gpudict.learn, n_components=3, alpha=0.1),
        gpudict.SparsePCA(3).fit,
    ):
        with pytest.raises(TypeError, match=r"is a \w*Path.*gpudict\.stream"):
            face(tmp_path)


def test_a_coder_is_fitted_by_a_stream():
    X, coder = (
        data(),
        gpudict.SparseCoder(np.eye(D, dtype="float32"), transform_algorithm="lasso_cd"),
    )
    for shuffle in (False, True):  # codes have the order of their rows
        found = coder.fit_transform(gpudict.stream(X, batch_size=100, shuffle=shuffle))
        np.testing.assert_allclose(found, coder.transform(X), atol=1e-5)


def test_what_a_face_can_not_use_is_said():
    """A batch of no rows, atoms that are no array, batches without a number where it is needed."""
    X = data()
    for empty in (sp.csr_array((0, D)), sp.csr_array((D, 0))):
        with pytest.raises(ValueError, match="at least one row and one column"):
            gpudict.stream(empty)
    with pytest.raises(TypeError, match="V must be an array"):
        gpudict.encode(gpudict.stream(X), np.eye(D).tolist(), alpha=0.1)
    for call in (
        gpudict.MiniBatchDictionaryLearning(4).fit,
        lambda batches: gpudict.dict_learning_online(batches, 4),
    ):
        with pytest.raises(TypeError, match="one by one to partial_fit"):
            call(gpudict.stream([X, X]))
    with pytest.raises(TypeError, match="Pass its batches one by one"):
        gpudict.MiniBatchDictionaryLearning(4).partial_fit(gpudict.stream([X, X]))
    with pytest.raises(TypeError, match="batches of float32 and float64"):
        gpudict.encode(gpudict.stream([X, X.astype("f8")]), np.eye(D), alpha=0.1)


def test_codes_of_a_stream_are_held_once():
    """They are written where they shall be as they come, the gaps too."""
    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((24_000, 8)), problems.unit(rng.standard_normal((64, 8)))
    coder = gpudict.SparseCoder(V, transform_algorithm="lasso_cd", transform_alpha=0.5)
    coder.transform(X[:9])
    tracemalloc.start()
    found, gap = coder.transform(gpudict.stream(X, batch_size=100), return_gap=True)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.5 * found.nbytes  # and a batch's arrays, 4 MB of the portable solver
    want, bound = coder.transform(X, return_gap=True)
    np.testing.assert_allclose(found, want, atol=1e-9)  # company moves the portable solver's bits
    np.testing.assert_allclose(gap, bound, atol=1e-9)


class Broken:
    """Rows that can't all be read."""

    shape, dtype = (N, D), np.dtype("float32")

    def __init__(self, how: str) -> None:
        self.how = how

    def __getitem__(self, here: slice) -> np.ndarray:
        rows = data()[here]
        if here.stop > 300 and self.how == "short":
            return rows[:3]
        if here.stop > 300 and self.how == "gone":
            raise OSError("the disk is gone")
        if here.start <= 321 < here.stop and self.how == "nan":
            rows[321 - here.start, 2] = np.nan
        return rows


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("short", ValueError, "rows 200 to 400 of a Broken were read as an array of the shape"),
        ("gone", OSError, "the disk is gone"),
        ("nan", ValueError, "a Broken has NaN or infinity in row 321"),
    ],
)
def test_what_fails_on_the_way_names_itself_and_its_rows(how: str, kind, words: str):
    V = problems.unit(np.eye(D)[:8].astype("float32"))
    with pytest.raises(kind, match=words) as caught:
        gpudict.encode(gpudict.stream(Broken(how), batch_size=200), V, alpha=0.1)
    if how == "gone":
        assert "rows 200 to 400 of a Broken" in caught.value.__notes__[0]
    with pytest.raises(kind):
        gpudict.learn_online(Broken(how), 8, alpha=0.1)


def test_reading_goes_on_beside_the_use_of_what_was_read():
    """Two items are made ahead, no more; an error comes where its item would have come."""
    made = []

    def items():
        for i in range(9):
            made.append(i)
            yield i
        raise OverflowError

    walk = ahead(items())
    assert next(walk) == 0
    for _ in range(500):  # the thread has its time
        if len(made) == 2:
            break
        time.sleep(0.01)
    assert made == [0, 1]
    assert [next(walk) for _ in range(8)] == list(range(1, 9))
    with pytest.raises(OverflowError):
        next(walk)


def test_what_is_given_up_is_read_no_further():
    """The thread ends, and lets go of what it reads from."""
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    walk = ahead(items())
    next(walk)
    walk.close()
    del walk
    assert closed.wait(10)
