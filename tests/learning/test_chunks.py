"""Rows in chunks: what is learned and coded is what it is of the array, whoever runs the jobs."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

import gpudict
from gpudict.arrays.chunks.loop import Loop
from gpudict.learning import apart, online, parts, updates, warm
from gpudict.learning.far import Far
from gpudict.learning.updates import recipe_for
from tests.support import problems

da, torch = pytest.importorskip("dask.array"), pytest.importorskip("torch")
N, D, K = 300, 12, 18
SIZES = (100, 1, 119, 80)  # a single row is a chunk, too
X, V = problems.signal(n=N, d=D, k=K)
X = X + 0.05 * np.random.default_rng(0).standard_normal(X.shape)
LASSO = {"alpha": 0.1}


def in_loop(x: np.ndarray) -> Any:
    """Cut rows for the reference."""
    return Loop.of(np.split(x, np.cumsum(SIZES)[:-1]))


def on_dask(x: np.ndarray) -> Any:
    """Cut rows for Dask, which runs on threads where there is no client."""
    return da.from_array(x, chunks=(SIZES, x.shape[1]))


def iter_of(x: np.ndarray) -> Any:
    """Give rows as batches, of which nobody knows how many come."""
    return gpudict.stream(iter([x[:100], x[100:]]))


def on_torch(x: np.ndarray) -> Any:
    """Let each chunk be moved where it is coded."""
    return gpudict.stream(on_dask(x), to="torch:cpu")


def made(a: Any) -> np.ndarray:
    """Compute what is lazy."""
    a = a.compute() if hasattr(a, "compute") else a
    return a.toarray() if hasattr(a, "toarray") else np.asarray(a)


def near(a: Any, b: Any, tol: float = 1e-10) -> None:
    """Assert that two arrays are one, up to the order of sums."""
    np.testing.assert_allclose(made(a), made(b), atol=tol, rtol=0)


@pytest.fixture(params=[in_loop, on_dask, on_torch], ids=["loop", "dask", "to_torch"])
def cut(request: pytest.FixtureRequest) -> Callable[[np.ndarray], Any]:
    """Each way to have rows in chunks."""
    return request.param


@pytest.mark.parametrize(
    "asked",
    [LASSO, {**LASSO, "positive_code": True, "positive_dict": True}, {"n_nonzero_coefs": 3}],
    ids=["lasso", "positive", "omp"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_learn(cut, asked, weighted):
    """The same objective, atoms and codes; a chunk without any weight is not there."""
    weight = np.where(np.arange(N) < SIZES[0], 0.0, np.linspace(0.5, 2, N)) if weighted else None
    options = {**asked, "dict_init": X[-K:], "max_iter": 6, "tol": 0, "sample_weight": weight}
    want, found = gpudict.learn(X, K, **options), gpudict.learn(cut(X), K, **options)
    near(found.dictionary, want.dictionary)
    near(found.objective, want.objective, 1e-9)
    near(found.code, want.code)
    near(found.gap, want.gap)
    assert found.converged == want.converged
    assert [h.unused for h in found.history] == [h.unused for h in want.history]


def test_learn_in_float32(cut):
    single = X.astype(np.float32)
    options = {**LASSO, "dict_init": single[-K:], "max_iter": 4, "tol": 0}
    want, found = gpudict.learn(single, K, **options), gpudict.learn(cut(single), K, **options)
    assert found.dictionary.dtype == found.code.dtype == np.float32
    near(found.dictionary, want.dictionary, 2e-5)


@pytest.mark.parametrize("start", ["svd", "data", X[:5]], ids=["svd", "data", "few"])
def test_a_start_of_its_own(cut, start):
    """It ends as low as the array's, and a seed is a seed."""
    options = {**LASSO, "dict_init": start, "max_iter": 30, "random_state": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, two = (gpudict.learn(cut(X), K, **options) for _ in range(2))
        want = gpudict.learn(X, K, **options)
    near(one.dictionary, two.dictionary, 0)
    assert one.objective[-1] < 1.05 * want.objective[-1]
    assert one.history[-1].unused == 0


def test_learn_online(cut):
    """Rounds of chunks are batches: it is what comes of an iterable of them."""
    options = {**LASSO, "dict_init": X[-K:], "tol": 0, "max_no_improvement": None}
    options |= {"max_iter": 3, "shuffle": False}
    rounds = [X[:101], X[101:]]  # each of 150 rows or more, were the chunks alike
    want = gpudict.learn_online(rounds, K, **options)
    found = gpudict.learn_online(cut(X), K, batch_size=150, **options)
    near(found.dictionary, want.dictionary)
    near(found.objective, want.objective)
    mixed = gpudict.learn_online(cut(X), K, batch_size=150, **{**options, "shuffle": True})
    assert len(mixed.history) == len(want.history) == 6
    assert not np.allclose(mixed.dictionary, want.dictionary, atol=1e-6)


def test_of_many_atoms_chunks_keep_all_pairs(cut, monkeypatch):
    """Their codes are out of reach; and a past without them is not gone on from."""
    monkeypatch.setattr(apart, "MANY", K - 1)
    options = {**LASSO, "batch_size": 150, "max_iter": 1}
    assert gpudict.learn_online(cut(X), K, **options).past.long.gram.shape == (K, K)
    learner = gpudict.MiniBatchDictionaryLearning(K, random_state=0, **LASSO).partial_fit(X)
    recipe, chunks = recipe_for(X, K, **LASSO), Far.of(parts.chunks_of(cut(X)))
    with pytest.raises(ValueError, match=r"Rows in chunks.*without UᵀU.*as an array"):
        online.step(learner.past_, chunks, recipe, learner.rng_)


def test_statistics(cut):
    found, want = (gpudict.Statistics.of(x, V, alpha=0.1) for x in (cut(X), X))
    for a, b in zip(found, want, strict=True):
        near(a, b, 1e-9)
    assert type(found.merge(want)) is gpudict.Statistics


def test_codes_that_stay_are_a_start_and_nothing_else(cut, monkeypatch):
    """They are forgotten when learning is over; where they are lost, the result is the same."""
    options = {**LASSO, "dict_init": X[-K:], "max_iter": 6, "tol": 0}
    held = []
    watch = lambda *_: held.append([len(run) for run in warm._KEPT.values()])  # noqa: E731
    want = gpudict.learn(cut(X), K, callback=watch, **options)
    assert held == [[len(SIZES)]] * 6
    assert not warm._KEPT
    warm.forget("a run")
    warm.keep("a run", 0, None)  # by a chunk that was still coded as it ended
    assert not warm._KEPT
    monkeypatch.setattr(warm, "kept", lambda *_: None)
    near(gpudict.learn(cut(X), K, **options).dictionary, want.dictionary)
    gpudict.learn_online(cut(X), K, callback=watch, alpha=0.1, max_iter=1)
    assert held[-1] == []


def test_encode(cut):
    """Lazily, with a number of each row, with codes to start from, sparse; of no rows too."""
    alphas = np.linspace(0.05, 0.3, N)
    for more in ({"alpha": 0.1}, {"alpha": alphas}, {"n_nonzero_coefs": 3}):
        want, found = gpudict.encode(X, V, **more), gpudict.encode(cut(X), V, **more)
        for a, b in zip(found[:3], want[:3], strict=True):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            near(a, b)
        again = gpudict.encode(cut(X), V, init=want.Z, sparse_output=True, **more)
        near(again.Z, want.Z)
    again = gpudict.encode(on_dask(X), V, alpha=da.from_array(alphas, chunks=70), init=found.Z)
    near(again.Z, gpudict.encode(X, V, alpha=alphas).Z, 1e-8)
    near(gpudict.sparse_encode(cut(X), V, alpha=0.1), gpudict.sparse_encode(X, V, alpha=0.1))
    near(
        gpudict.sparse_encode(cut(X), V, alpha=0.1, cov=V @ X.T, gram=V @ V.T),
        gpudict.sparse_encode(X, V, alpha=0.1),
    )


def test_nothing_is_computed_before_it_is_asked_for():
    calls = []

    def read(block: np.ndarray) -> np.ndarray:
        calls.append(len(block))
        return block

    lazy = on_dask(X).map_blocks(read, dtype=X.dtype, meta=np.zeros((0, D)))
    found = gpudict.encode(lazy, V, alpha=0.1)
    empty = da.concatenate([lazy[:0], lazy])
    assert calls == []
    assert found.Z.chunks == (SIZES, (K,))
    assert found.gap.chunks == (SIZES,)
    da.compute(*found[:3])
    assert sorted(calls) == sorted(SIZES)  # once for all three
    assert made(again := gpudict.encode(empty, V, alpha=0.1).Z).shape == (N, K)
    assert again.chunks[0] == empty.chunks[0]


def test_functions(cut):
    options = {"alpha": 0.1, "dict_init": X[-K:], "max_iter": 6}
    seen: list[Any] = []
    want = gpudict.dict_learning(X, K, tol=0, **options)
    found = gpudict.dict_learning(
        cut(X), K, tol=0, callback=lambda now: seen.append(now["code"]), **options
    )
    for a, b in zip(found, want, strict=True):
        near(a, b, 1e-9)
    assert [code.shape for code in seen] == [(N, K)] * 2
    code, atoms = gpudict.dict_learning_online(cut(X), K, random_state=0, batch_size=80, **options)
    near(code, gpudict.sparse_encode(X, atoms, alpha=0.1), 1e-8)


def test_estimators(cut, tmp_path):
    """Fitted at once, in arrays; transformed lazily; cloned, pickled, in a pipeline."""
    options = {"alpha": 0.1, "max_iter": 5, "transform_algorithm": "lasso_cd", "random_state": 0}
    options |= {"dict_init": X[-K:]}
    batch, online = gpudict.DictionaryLearning, gpudict.MiniBatchDictionaryLearning
    want, found = (batch(K, tol=0, **options).fit(x) for x in (X, cut(X)))
    assert type(found.components_) is np.ndarray
    assert found.n_features_in_ == D
    near(found.components_, want.components_)
    near(found.dual_gap_, want.dual_gap_)
    for one in (found, clone(found).fit(cut(X)), pickle.loads(pickle.dumps(found))):
        code, gap = one.transform(cut(X), return_gap=True)
        near(code, want.transform(X))
        near(gap, want.transform(X, return_gap=True)[1])
        near(one.inverse_transform(cut(made(code))), want.inverse_transform(want.transform(X)))
    found.save(tmp_path / "m")  # without what is only a recipe
    near(gpudict.load(tmp_path / "m").transform(X), want.transform(X))
    near(batch(K, tol=0, **options).fit_transform(cut(X)), want.fit_transform(X))
    learner = online(K, batch_size=80, **options).fit(cut(X))
    assert learner.n_steps_ == len(learner.history_) > 0
    for x in (cut(X), X[:50]):
        learner.partial_fit(x)
    one, two = (online(K, **options).partial_fit(x) for x in (X, cut(X)))
    near(one.components_, two.components_)
    coder = gpudict.SparseCoder(V, transform_algorithm="lasso_cd", transform_alpha=0.1)
    near(coder.fit(cut(X)).transform(cut(X)), coder.transform(X))
    line = make_pipeline(batch(K, tol=0, **options), gpudict.SparseCoder(np.eye(K)[:4]))
    near(line.fit_transform(cut(X)), line.fit_transform(X))


def test_streams_are_read_in_each_iteration():
    """The alternation of an array, without its codes but where they are asked for."""
    options = {"alpha": 0.1, "dict_init": X[-K:], "max_iter": 6, "tol": 0}
    want, kind = gpudict.learn(X, K, **options), gpudict.DictionaryLearning
    for rows in (gpudict.stream(X, batch_size=70), csr_array(X)):
        found = gpudict.learn(rows, K, **options)
        near(found.dictionary, want.dictionary)
        near(found.objective, want.objective, 1e-9)
        assert found.code is found.gap is None
        near(gpudict.dict_learning(rows, K, **options)[0], want.code)
        near(kind(K, **options).fit_transform(rows), want.code)
        near(kind(K, **options).fit(rows).components_, want.dictionary)
        found = gpudict.sparse_encode(rows, V, alpha=0.1, cov=V @ X.T)
        near(found, gpudict.sparse_encode(X, V, alpha=0.1))
    with pytest.raises(TypeError, match="stream of an iterable"):
        gpudict.learn(gpudict.stream(iter([X])), K, **options)


@pytest.mark.parametrize("algorithm", ["lasso_cd", "omp", "threshold"])
def test_sparse_codes(algorithm):
    """Of arrays, chunks, streams and sparse rows."""
    coder = gpudict.SparseCoder(V, transform_algorithm=algorithm, transform_alpha=0.1)
    want = coder.transform(X)
    for rows in (X, on_dask(X), csr_array(X), gpudict.stream(X, batch_size=70), iter_of(X)):
        found = coder.transform(rows, sparse_output=True)
        found = found.compute() if hasattr(found, "compute") else found
        assert type(found) is csr_array
        near(found, want)
    tensor = coder.transform(torch.asarray(X), sparse_output=True)
    near(tensor.to_dense().numpy(), want)
    coder.split_sign = True
    with pytest.raises(ValueError, match="split codes are dense"):
        coder.transform(X, sparse_output=True)


@pytest.mark.parametrize("kind", [gpudict.SparsePCA, gpudict.MiniBatchSparsePCA])
def test_sparse_pca(cut, kind):
    want, found = (kind(4, alpha=0.2, random_state=0).fit(x) for x in (X + 100, cut(X + 100)))
    near(found.components_, want.components_)
    near(found.mean_, want.mean_)
    near(found.transform(cut(X)), want.transform(X), 1e-9)


@pytest.mark.parametrize("learner", ["learn", "learn_online"])
def test_a_checkpoint(cut, learner, tmp_path):
    """A run goes on from where an error left it, to the atoms of one that was not left."""
    options = {**LASSO, "dict_init": X[-K:], "max_iter": 8, "tol": 0, "random_state": 0}
    if learner == "learn_online":
        options |= {"batch_size": 80, "max_no_improvement": None}
    learn, count = getattr(gpudict, learner), []

    def fail(*_: Any) -> None:
        count.append(0)
        if len(count) == 4:
            raise OSError("the network is down")

    kept = {"checkpoint": tmp_path / "c", "checkpoint_every": 0}
    with pytest.raises(OSError, match="network"):
        learn(cut(X), K, callback=fail, **kept, **options)
    found, want = learn(cut(X), K, resume=True, **kept, **options), learn(cut(X), K, **options)
    near(found.dictionary, want.dictionary)
    assert len(found.history) == len(want.history)
    if learner == "learn":
        near(found.code, want.code)
    with pytest.raises(ValueError, match="another run: X"):
        learn(cut(X[::-1]), K, resume=True, **kept, **options)
    with pytest.raises(ValueError, match="X"):
        learn(cut(X[:, :-1]), K, resume=True, **kept, **{**options, "dict_init": X[-K:, :-1]})


def test_it_says_when_alpha_is_too_large(cut):
    with pytest.warns(UserWarning, match=r"alpha leaves every code zero.*largest norm"):
        gpudict.learn(cut(X), K, alpha=1e3, max_iter=2)


def test_it_says_when_there_are_many_atoms(cut, monkeypatch):
    monkeypatch.setattr(updates, "WIDEST", K - 1)
    for learn in (gpudict.learn, gpudict.learn_online):
        with pytest.warns(UserWarning, match=r"meant for up to 17 atoms.*18 came.*2,592 bytes"):
            learn(cut(X), K, **LASSO, max_iter=1)


def test_what_can_not_be_used_is_refused():
    array, bad = on_dask(X), X.copy()
    bad[150, 3] = np.nan
    unknown = array[array[:, 0] > 0]
    for given, said in (
        (array.rechunk((N, 4)), r"cut in 3 chunks.*rechunk\("),
        (unknown, r"unknown chunk sizes.*compute_chunk_sizes\(\)"),
        (array[:, 0], "must have two dimensions"),
        (array[:0], "at least one row"),
        (on_dask(bad), "chunk 2 of X has NaN"),
    ):
        with pytest.raises(ValueError, match=said):
            gpudict.learn(given, K, **LASSO)
    near(gpudict.learn(unknown.compute_chunk_sizes(), K, **LASSO, max_iter=1).gap > -1, True)
    with pytest.raises(TypeError, match="complex"):
        gpudict.learn(array + 1j, K, **LASSO)
    with pytest.raises(ValueError, match="code_init came with rows in chunks"):
        gpudict.learn(array, K, **LASSO, code_init=np.zeros((N, K)))
    with pytest.raises(ValueError, match="out came with rows in chunks"):
        gpudict.encode(array, V, **LASSO, out=np.zeros((N, K)))
    with pytest.raises(ValueError, match="an atom has as many features"):
        gpudict.encode(array, V[:, :-1], **LASSO)
    with pytest.raises(ValueError, match=r"but \(300,\) is needed"):
        gpudict.learn(array, K, **LASSO, sample_weight=np.ones(9))
    with pytest.raises(ValueError, match=r"init has the shape \(9, 18\).*each of the 300 rows"):
        gpudict.encode(array, V, **LASSO, init=np.zeros((9, K)))
    with pytest.raises(TypeError, match=r"dictionary is a lazy array.*dictionary.compute\(\)"):
        gpudict.SparseCoder(da.from_array(V)).transform(array)
    with pytest.raises(TypeError, match=r"V is a lazy array.*V.compute\(\)"):
        gpudict.encode(array, da.from_array(V), **LASSO)


def test_what_is_wrong_in_one_chunk_is_said_of_it():
    """Once the codes are made, where nothing is read before; the error of a user's own step is."""
    bad, coder = X.copy(), gpudict.SparseCoder(V)
    bad[150, 3] = np.nan
    for lazy in (
        coder.transform(on_dask(bad)),
        gpudict.encode(on_dask(bad), V, **LASSO).Z,
        gpudict.sparse_encode(on_dask(bad), V),
    ):
        with pytest.raises(ValueError, match="chunk 2 of X has NaN"):
            lazy.compute()
    for cut in (lambda rows: rows[:, :-1], lambda rows: rows[:1]):
        lying = on_dask(X).map_blocks(cut, dtype=X.dtype, meta=X[:0])
        for call in (
            lambda lying=lying: gpudict.learn(lying, K, **LASSO),
            lambda lying=lying: coder.transform(lying).compute(),
        ):
            with pytest.raises(ValueError, match=r"chunk \d of X has the shape.*says that it has"):
                call()

    def fail(rows: np.ndarray) -> np.ndarray:
        raise KeyError("my own")

    with pytest.raises(KeyError, match="my own"):
        gpudict.learn(on_dask(X).map_blocks(fail, dtype=X.dtype, meta=X[:0]), K, **LASSO)
    assert not warm._KEPT


def test_no_frames_come_of_chunks(cut):
    pytest.importorskip("pandas")
    learner = gpudict.DictionaryLearning(K, max_iter=1).fit(cut(X)).set_output(transform="pandas")
    for call in (learner.transform, learner.fit_transform):
        with pytest.raises(ValueError, match=r"set_output.*X is rows in chunks"):
            call(cut(X))
    near(learner.inverse_transform(cut(X @ V.T)), X @ V.T @ learner.components_)


def test_sparse_chunks():
    """Chunks of SciPy's are made dense where they are worked on."""
    csr = pytest.importorskip("scipy.sparse").csr_array
    thin = np.where(np.abs(X) > 0.1, X, 0)
    sparse = on_dask(thin).map_blocks(csr)
    options = {**LASSO, "dict_init": thin[-K:], "max_iter": 3, "tol": 0}
    want, found = gpudict.learn(thin, K, **options), gpudict.learn(sparse, K, **options)
    near(found.dictionary, want.dictionary)
    near(found.code, want.code)
    near(gpudict.SparsePCA(3).fit(sparse).mean_, thin.mean(axis=0))
