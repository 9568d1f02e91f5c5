"""Bad input: each a sentence that says what came, what is needed and what to do."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import gpudict
from gpudict.arrays import peaks
from tests.support import problems
from tests.support.backends import BackendCase
from tests.support.shortage import PORTABLE

X, V = problems.signal(n=6, d=4, k=3)


def with_nan(value=np.nan):
    bad = X.copy()
    bad[1, 2] = value
    return bad


CASES = {
    "nan": (lambda: gpudict.encode(with_nan(), V, alpha=1), ValueError, "X has NaN or inf.*finite.*Remove"),
    "inf": (lambda: gpudict.encode(with_nan(np.inf), V, alpha=1), ValueError, "NaN or infinity"),
    "nan atoms": (lambda: gpudict.encode(X, V * np.nan, alpha=1), ValueError, "V has NaN"),
    "one dimension": (lambda: gpudict.encode(X[0], V, alpha=1), ValueError, r"shape is \(4,\).*reshape"),
    "four dimensions": (lambda: gpudict.learn(X[None, None], 2, alpha=1), ValueError, "two dimensions"),
    "no rows": (lambda: gpudict.encode(X[:0], V, alpha=1), ValueError, r"at least one row.*\(0, 4\)"),
    "no columns": (lambda: gpudict.learn(X[:, :0], 2, alpha=1), ValueError, "at least one"),
    "complex": (lambda: gpudict.encode(X * 1j, V, alpha=1), TypeError, "complex.*real.*Stack"),
    "longdouble": (lambda: gpudict.encode(X.astype("g"), V, alpha=1), TypeError, "float.*Convert"),
    "text": (lambda: gpudict.encode(np.array([["a"]]), V, alpha=1), TypeError, "dtype"),
    "list": (lambda: gpudict.encode(X.tolist(), V, alpha=1), TypeError, "builtins.list.*asarray"),
    "features": (lambda: gpudict.encode(X, V[:, :3], alpha=1), ValueError, r"\(3, 3\).*\(any, 4\)"),
    "transposed": (lambda: gpudict.encode(X, V.T, alpha=1), ValueError, r"\(any, 4\).*Pass its transpose, V.T"),
    "sparse": (lambda: gpudict.encode(X, scipy.sparse.csr_array(V), alpha=1), TypeError, "sparse.*toarray"),
    "masked": (lambda: gpudict.encode(np.ma.masked_array(X), V, alpha=1), TypeError, "masked.*Impute"),
    "objects": (lambda: gpudict.encode(X.astype(object), V, alpha=1), TypeError, "dtype object.*float64"),
    "byte order": (lambda: gpudict.encode(X.astype(">f8"), V, alpha=1), TypeError, "byte order.*astype"),
    "pursuit alpha": (lambda: gpudict.encode(X, V, alpha=1, solver="omp"), ValueError, "'omp' solves pursuits.*target_error"),
    "prefix": (lambda: gpudict.encode(X, V, alpha=1, solver="lasso_lars"), ValueError, "Did you mean 'lars'"),
    "no prefix": (lambda: gpudict.sparse_encode(X, V, algorithm="fista"), ValueError, "Did you mean 'lasso_fista'"),
    "widths": (lambda: gpudict.learn_online([X, X[:, :3]], 2, alpha=1), ValueError, r"a batch of X has.*\(any, 4\)"),
    "init": (lambda: gpudict.encode(X, V, alpha=1, init=X), ValueError, r"init.*\(6, 3\) is needed"),
    "alpha": (lambda: gpudict.encode(X, V, alpha=-1), ValueError, "alpha must.*at least 0.*-1"),
    "alpha nan": (lambda: gpudict.encode(X, V, alpha=np.nan), ValueError, "finite"),
    "alpha text": (lambda: gpudict.encode(X, V, alpha="1"), TypeError, "real number, but a str"),
    "alpha none": (lambda: gpudict.encode(X, V), ValueError, "Neither alpha nor"),
    "alpha both": (lambda: gpudict.encode(X, V, alpha=1, n_nonzero_coefs=1), ValueError, "Both alpha"),
    "atoms": (lambda: gpudict.learn(X, 0, alpha=1), ValueError, "n_components must be at least 1"),
    "atoms text": (lambda: gpudict.learn(X, "3", alpha=1), TypeError, "integer, but a str"),
    "solver": (lambda: gpudict.encode(X, V, alpha=1, solver="no"), ValueError, "'no' is not known.*'cd'"),
    "pursuit": (lambda: gpudict.encode(X, V, n_nonzero_coefs=1, solver="ista"), ValueError, "solves the lasso.*'omp'"),
    "update": (lambda: gpudict.learn(X, 2, alpha=1, dictionary_update="x"), ValueError, "'sweep'"),
    "dict_init": (lambda: gpudict.learn(X, 2, alpha=1, dict_init=X[:2, :2]), ValueError, "dict_init has"),
    "dict_init name": (lambda: gpudict.learn(X, 2, alpha=1, dict_init="pca"), ValueError, "'svd', 'data'"),
    "code_init": (lambda: gpudict.learn(X, 2, alpha=1, code_init=X[:2]), ValueError, "code_init has"),
    "seed": (lambda: gpudict.learn(X, 2, alpha=1, random_state="x"), ValueError, "random_state must"),
    "weights": (lambda: gpudict.learn(X, 2, alpha=1, sample_weight=[1, 2]), ValueError, r"\(2,\), but \(6,\)"),
    "weight": (lambda: gpudict.learn(X, 2, alpha=1, sample_weight=-X[:, 0] ** 2), ValueError, "not negative"),
    "no weight": (lambda: gpudict.learn(X, 2, alpha=1, sample_weight=0 * X[:, 0]), ValueError, "every sample"),
    "stream weights": (lambda: gpudict.learn_online([X], 2, alpha=1, sample_weight=X[:, 0]), ValueError, "iterable"),
    "n_jobs": (lambda: gpudict.encode(X, V, alpha=1, n_jobs=0), ValueError, "n_jobs must"),
    "batch_size": (lambda: gpudict.encode(X, V, alpha=1, batch_size=0), ValueError, "batch_size must"),
    "max_iter": (lambda: gpudict.learn(X, 2, alpha=1, max_iter=-1), ValueError, "max_iter must"),
    "tol": (lambda: gpudict.encode(X, V, alpha=1, tol=-1), ValueError, "tol must"),
    "no batch": (lambda: gpudict.learn_online([], 2, alpha=1), ValueError, "no batch.*list"),
    "bad stream": (lambda: gpudict.learn_online(3, 2, alpha=1), TypeError, "X must be an array"),
    "method": (lambda: gpudict.dict_learning(X, 2, alpha=1, method="sgd"), ValueError, "method='sgd'"),
    "algorithm": (lambda: gpudict.sparse_encode(X, V, algorithm="cd"), ValueError, "'lasso_cd'"),
    "gram": (lambda: gpudict.sparse_encode(X, V, gram=X), ValueError, r"gram has.*\(3, 3\)"),
    "cov": (lambda: gpudict.sparse_encode(X, V, cov=X), ValueError, r"cov has.*\(3, 6\)"),
    "face": (lambda: gpudict.dict_learning([1, 2], 2, alpha=1), ValueError, "two dimensions"),
    "online": (lambda: gpudict.dict_learning_online(X, 2, batch_size=0), ValueError, "batch_size must"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bad_input(case: str):
    call, error, sentence = CASES[case]
    kept = X.copy(), V.copy()
    with pytest.raises(error, match=f"(?s){sentence}") as caught:
        call()
    said = str(caught.value)
    assert said.endswith(".")
    assert len(said) > 40
    for now, before in zip((X, V), kept, strict=True):
        np.testing.assert_array_equal(now, before)


def test_two_libraries():
    torch = pytest.importorskip("torch")
    for call in (
        lambda: gpudict.encode(X, torch.asarray(V), alpha=1),
        lambda: gpudict.learn(torch.asarray(X), 3, alpha=1, dict_init=V),
        lambda: gpudict.sparse_encode(X, V, gram=torch.eye(3, dtype=torch.float64)),
    ):
        with pytest.raises(TypeError, match=r"is an array of .* but X is one of .*Move"):
            call()


def test_two_devices():
    strict = pytest.importorskip("array_api_strict")
    here, there = strict.asarray(X), strict.asarray(V, device=strict.Device("device1"))
    with pytest.raises(ValueError, match=r"V is on the device .*device1.*but X is on .*Move"):
        gpudict.encode(here, there, alpha=1)


def test_a_parameter_is_taken_out_of_its_graph():
    torch = pytest.importorskip("torch")
    atoms = torch.nn.Parameter(torch.asarray(V))
    found = gpudict.encode(torch.asarray(X), atoms, alpha=0.1)
    assert not found.Z.requires_grad


def test_integers_become_floats():
    whole = np.arange(12).reshape(4, 3)
    assert gpudict.encode(whole, np.eye(3), alpha=1).Z.dtype == np.float64
    assert gpudict.sparse_encode(whole > 4, np.eye(3).tolist()).dtype == np.float64
    mixed = gpudict.encode(X.astype("float32"), V, alpha=1)
    assert mixed.Z.dtype == np.float32


OUT_OF_RANGE = {
    "short atoms": (
        np.ones((2, 3)),
        1e-160 * np.eye(3),
        "V has an atom with values up to 1.0e-160",
    ),
    "a short atom": (np.ones((2, 3)), np.diag([1, 1e-90, 1]), "values up to 1.0e-90"),
    "long atoms": (np.ones((2, 3)), 1e155 * np.eye(3), r"values up to 1.0e\+155"),
    "large data": (np.array([[1e160, 2e160, 0]]), np.eye(3), r"X has values up to 2.0e\+160"),
    "small data": (np.full((2, 3), 1e-165), np.eye(3), "X has values up to 1.0e-165"),
    "a narrower dtype": (np.ones((2, 3), np.float32), 1e300 * np.eye(3), "V has NaN or infinity"),
}


@pytest.mark.parametrize("problem", [{"alpha": 0.1}, {"n_nonzero_coefs": 2}])
@pytest.mark.parametrize("name", OUT_OF_RANGE)
@pytest.mark.parametrize("backend", PORTABLE, ids=lambda c: c.name)
def test_what_has_no_squares_is_refused(backend: BackendCase, name: str, problem: dict[str, float]):
    """A code of it would be NaN, or zero and certified."""
    pytest.importorskip(backend.requires)
    x, v, sentence = OUT_OF_RANGE[name]
    with pytest.raises(ValueError, match=sentence):
        gpudict.encode(backend.asarray(x), backend.asarray(v), **problem)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("place", [0, 30, 31, 99, 119])
@pytest.mark.parametrize("face", [gpudict.learn, gpudict.learn_online])
def test_one_pass_finds_what_two_find(face, place: int, dtype: str, monkeypatch):
    """In large arrays, wherever it is, and the sentence is that of the peak."""
    monkeypatch.setattr(peaks, "LARGE", 50)
    monkeypatch.setattr(peaks, "ROW", 32)
    x = np.random.default_rng(0).standard_normal((20, 6)).astype(dtype)
    high, most = (1e160, r"1.0e\+160") if dtype == "float64" else (1e25, r"1.0e\+25")
    wrong = {np.nan: "NaN or inf", np.inf: "NaN or inf", -np.inf: "NaN or inf", high: most}
    for value, sentence in wrong.items():
        bad = x.copy()
        bad[np.unravel_index(place, bad.shape)] = value
        with pytest.raises(ValueError, match=sentence):
            face(bad, 2, alpha=0.1)
    with pytest.raises(ValueError, match="NaN or inf"):
        gpudict.encode(np.where(x == x.flat[place], np.nan, x), np.eye(6, dtype=dtype), alpha=0.1)
    kind = np.finfo(dtype)
    least = 0.5 * (kind.smallest_normal / kind.eps) ** 0.5  # of the peak; √Σx² is twice as much
    with pytest.raises(ValueError, match="values up to"):
        face(x / np.abs(x).max() * least, 2, alpha=0.1)
    for some in (x, 0 * x):
        found = gpudict.encode(some, np.eye(6, dtype=dtype), alpha=0.1)
        assert found.Z.any() == some.any()
    assert peaks.length_of(x) >= np.abs(x).max()


@pytest.mark.parametrize("solver", ["cd", "working_set", "lars"])
def test_a_row_that_has_no_square_is_not_certified(solver: str):
    """Nor are its neighbours kept from it."""
    x = np.array([[1.0, 1.0], [1e-165, 2e-165], [0.0, 0.0]])
    found = gpudict.encode(x, np.eye(2), alpha=np.full(3, 1e-166), max_iter=0, solver=solver)
    assert found.gap[1] > 0
    assert not found.converged[1]
    assert found.converged[2]


def test_means_of_float32_are_summed_in_float64():
    rows = np.full((100_000, 2), 1e5, np.float32) + np.array([1, -1], np.float32)
    mean = gpudict.SparsePCA(1, max_iter=1).fit(rows + np.float32([[0, 0]])).mean_
    np.testing.assert_array_equal(mean, [1e5 + 1, 1e5 - 1])
