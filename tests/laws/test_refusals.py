"""What comes in the place of an array, whatever parameter it came as: used as it is, or refused.

Every kind of input at every entry gives what its plain array gives, or a TypeError or ValueError
that names the parameter; nothing is used in part, and no library's own words are all that is said.
"""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.decomposition

import gpudict
from tests.support import problems
from tests.support.backends import host, read_only

torch = pytest.importorskip("torch")
pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")

X, V = problems.signal(n=12, d=5, k=4)
CODES, WEIGHTS, ALPHAS = X @ V.T, np.linspace(1, 2, 12), np.linspace(0.1, 0.2, 12)
SHORT = {"alpha": 0.1, "max_iter": 2, "random_state": 0}
LASSO = {"transform_algorithm": "lasso_cd", "transform_alpha": 0.1}


def masked(a):
    """Hide one huge value."""
    a = np.ma.masked_array(a.copy())
    a[tuple(0 for _ in a.shape)] = 1e9
    a[tuple(0 for _ in a.shape)] = np.ma.masked
    return a


def fit(kind, x, weights=None, **options):
    return getattr(gpudict, kind)(4, **SHORT, **options).fit(x, sample_weight=weights).components_


def coder(v, x):
    return gpudict.SparseCoder(v, **LASSO).transform(x)


def dictionary(function, x, **options):
    return getattr(gpudict, function)(x, 4, **SHORT, **options)[1]


def fitted(kind, x):
    return getattr(gpudict, kind)(4, **SHORT, **LASSO).fit(x)


ENCODE, LIKE = gpudict.encode, gpudict.sparse_encode
ENTRIES = {  # the name of the parameter; its plain array; the call of it and of what goes with it
    "encode": ("X", X, lambda a, like: ENCODE(a, like(V), alpha=0.1).Z),
    "encode V": ("V", V, lambda a, like: ENCODE(like(X), a, alpha=0.1).Z),
    "encode init": ("init", CODES, lambda a, like: ENCODE(like(X), like(V), alpha=0.1, init=a).Z),
    "encode alpha": ("alpha", ALPHAS, lambda a, like: ENCODE(X, V, alpha=a).Z),
    "learn": ("X", X, lambda a, like: gpudict.learn(a, 4, **SHORT).dictionary),
    "learn weights": (
        "sample_weight", WEIGHTS,
        lambda a, like: gpudict.learn(X, 4, **SHORT, sample_weight=a).dictionary,
    ),
    "learn dict_init": (
        "dict_init", V, lambda a, like: gpudict.learn(like(X), 4, **SHORT, dict_init=a).dictionary,
    ),
    "learn code_init": (
        "code_init", CODES,
        lambda a, like: gpudict.learn(like(X), 4, **SHORT, code_init=a).dictionary,
    ),
    "learn_online": ("X", X, lambda a, like: gpudict.learn_online(a, 4, **SHORT).dictionary),
    "sparse_encode": ("X", X, lambda a, like: LIKE(a, like(V), alpha=0.1)),
    "unchecked": ("X", X, lambda a, like: LIKE(a, like(V), alpha=0.1, check_input=False)),
    "sparse_encode V": ("dictionary", V, lambda a, like: LIKE(like(X), a, alpha=0.1)),
    "gram": ("gram", V @ V.T, lambda a, like: LIKE(like(X), like(V), gram=a, alpha=0.1)),
    "cov": ("cov", V @ X.T, lambda a, like: LIKE(like(X), like(V), cov=a, alpha=0.1)),
    "init": ("init", CODES, lambda a, like: LIKE(like(X), like(V), init=a, alpha=0.1)),
    "dict_learning": ("X", X, lambda a, like: dictionary("dict_learning", a)),
    "dict_learning dict_init": (
        "dict_init", V, lambda a, like: dictionary("dict_learning", like(X), dict_init=a),
    ),
    "dict_learning code_init": (
        "code_init", CODES, lambda a, like: dictionary("dict_learning", like(X), code_init=a),
    ),
    "dict_learning_online": ("X", X, lambda a, like: dictionary("dict_learning_online", a)),
    "online dict_init": (
        "dict_init", V, lambda a, like: dictionary("dict_learning_online", like(X), dict_init=a),
    ),
    "DictionaryLearning": ("X", X, lambda a, like: fit("DictionaryLearning", a)),
    "transform": ("X", X, lambda a, like: fitted("DictionaryLearning", like(X)).transform(a)),
    "inverse": (
        "X", CODES, lambda a, like: fitted("DictionaryLearning", like(X)).inverse_transform(a),
    ),
    "weights": ("sample_weight", WEIGHTS, lambda a, like: fit("DictionaryLearning", X, a)),
    "dict_init": ("dict_init", V, lambda a, like: fit("DictionaryLearning", X, dict_init=a)),
    "code_init": ("code_init", CODES, lambda a, like: fit("DictionaryLearning", X, code_init=a)),
    "partial_fit": (
        "X", X,
        lambda a, like: gpudict.MiniBatchDictionaryLearning(4, **SHORT).partial_fit(a).components_,
    ),
    "batch dict_init": (
        "dict_init", V, lambda a, like: fit("MiniBatchDictionaryLearning", X, dict_init=a),
    ),
    "SparseCoder": ("X", X, lambda a, like: coder(V, a)),
    "SparseCoder V": ("dictionary", V, lambda a, like: coder(a, X)),
    "SparsePCA": ("X", X, lambda a, like: fit("SparsePCA", a)),
    "U_init": ("U_init", CODES, lambda a, like: fit("SparsePCA", X, U_init=a, V_init=V)),
    "V_init": ("V_init", V, lambda a, like: fit("SparsePCA", X, U_init=CODES, V_init=a)),
    "PCA weights": ("sample_weight", WEIGHTS, lambda a, like: fit("SparsePCA", X, a)),
    "MiniBatchSparsePCA": ("X", X, lambda a, like: fit("MiniBatchSparsePCA", a)),
    "PCA partial_fit": (
        "X", X, lambda a, like: gpudict.MiniBatchSparsePCA(4, **SHORT).partial_fit(a).components_,
    ),
}  # fmt: skip
ARRAYS = {
    "read-only": read_only,
    "Fortran": np.asfortranarray,
    "backwards": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), "u1")[1:].view("f8").reshape(a.shape),
    "subclass": lambda a: a.view(type("Own", (np.ndarray,), {"__array_ufunc__": None})),
}
ALIKE = {  # as scikit-learn takes it
    "list": lambda a: a.tolist(),
    "objects": lambda a: a.astype(object),
    "big-endian": lambda a: a.astype(">f8"),
    "longdouble": lambda a: a.astype(np.longdouble),
    "frame": lambda a: pandas.DataFrame(a) if a.ndim == 2 else pandas.Series(a),
    "nullable": lambda a: ALIKE["frame"](a).astype("Float64"),
    "polars": lambda a: polars.DataFrame(a) if a.ndim == 2 else polars.Series(a),
}
TENSORS = {
    "tensor": torch.asarray,
    "negative bit": lambda a: torch._neg_view(torch.asarray(-a)),
    "imaginary view": lambda a: torch.conj(torch.complex(torch.asarray(a), torch.asarray(-a))).imag,
    "parameter": lambda a: torch.nn.Parameter(torch.asarray(a)),
    "strided": lambda a: torch.asarray(np.repeat(a, 2, axis=-1))[..., ::2],
}
MORE = "one dimension more"  # is rows of another width, or many problems, to some:
LEARN = ("learn", "learn_online")
NO_ARRAYS = {
    "masked": masked,
    "masked rows": lambda a: list(masked(a)),
    "csr": lambda a: scipy.sparse.csr_array(np.atleast_2d(a)),
    "complex": lambda a: a + 1j,
    "complex objects": np.frompyfunc(lambda x: np.complex128(x + 1j), 1, 1),
    "dates": lambda a: a.astype(int).astype("M8[s]"),
    "durations": lambda a: a.astype(int).astype("m8[s]"),
    "fields": lambda a: np.rec.fromarrays([a, a], names="a,b"),
    "void": lambda a: np.zeros(a.shape, "V8"),
    "words": lambda a: np.full(a.shape, "word"),
    "missing": lambda a: pandas.DataFrame(np.where(a == a.max(), np.nan, a)).astype("Float64"),
    "dated frame": lambda a: pandas.DataFrame({"a": [datetime.datetime(2020, 1, 1)] * len(a)}),
    MORE: lambda a: a[..., None],
    "dict": lambda a: {"a": 1.0},
    "ragged": lambda a: [[1.0], [1.0, 2.0]],
    "generator": lambda a: (row for row in a),
}
NO_TENSORS = {
    "sparse": lambda a: torch.asarray(a).to_sparse(),
    "complex": lambda a: torch.asarray(a) + 1j,
    "meta": lambda a: torch.empty(a.shape, dtype=torch.float64, device="meta"),
    "quantized": lambda a: torch.quantize_per_tensor(
        torch.asarray(a, dtype=torch.float32), 0.1, 0, torch.qint8
    ),
    "nested": lambda a: torch.nested.nested_tensor([torch.asarray(r) for r in np.atleast_2d(a)]),
    MORE: lambda a: torch.asarray(a)[..., None],
}  # fmt: skip

SPARSE = (
    "encode",
    "sparse_encode",
    "unchecked",
    "learn",
    "dict_learning",
    "DictionaryLearning",
    "learn_online",
    "dict_learning_online",
    "transform",
    "inverse",
    "partial_fit",
    "SparseCoder",
    "SparsePCA",
    "MiniBatchSparsePCA",
    "PCA partial_fit",
)

SAID = {  # of what another sentence would be of no help
    "masked": "masked array", "masked rows": "masked array", "csr": "sparse array",
    "sparse": "layout", "meta": "device meta", "quantized": "quantized", "nested": "nested tensor",
}  # fmt: skip


def as_given(a):
    return a


def outcome(entry, given, like):
    """Return what an entry gives, or the sentence with which it refuses."""
    name, _, call = ENTRIES[entry]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "X has feature names")  # as of scikit-learn's
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)  # as a user may
        try:
            return host(call(given, like)), None
        except (TypeError, ValueError) as error:
            said = str(error)
    assert name in said, said
    assert len(said) > 40, said
    return None, said


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_stands_for_an_array_is_taken(entry: str):
    """Array-likes by scikit-learn's faces; the standard's own ask for float32 and float64."""
    plain = ENTRIES[entry][1]
    want, _ = outcome(entry, plain, as_given)
    few = "alpha" in entry or "weights" in entry
    strict = entry.startswith(("encode", "learn")) and not few
    for kinds, like in ((ARRAYS, as_given), (ALIKE, as_given), (TENSORS, torch.asarray)):
        for kind, made in kinds.items():
            found, said = outcome(entry, made(plain), like)
            if kinds is ALIKE and strict:
                assert found is None, kind
            else:
                assert found is not None, (kind, said)
                np.testing.assert_allclose(found, want, atol=1e-7, err_msg=kind)


@pytest.mark.parametrize("entry", ENTRIES)
def test_floats_of_16_bits_are_read_as_float32(entry: str):
    """By every parameter, in every library that has them, to the bits of the same numbers."""
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    rounded = ENTRIES[entry][1].astype(bfloat16).astype("f4")  # float16 holds these too
    want, said = outcome(entry, rounded, as_given)
    assert want is not None, said
    for dtype in ("f2", bfloat16):
        found, said = outcome(entry, rounded.astype(dtype), as_given)
        assert found is not None, (dtype, said)
        assert found.dtype == want.dtype
        np.testing.assert_array_equal(found, want, err_msg=str(dtype))
    for dtype in (torch.float16, torch.bfloat16):
        found, said = outcome(entry, torch.asarray(rounded).to(dtype), torch.asarray)
        assert found is not None, (dtype, said)
        np.testing.assert_allclose(found, want, atol=1e-4, err_msg=str(dtype))


@pytest.mark.filterwarnings("ignore:torch.quantize", "ignore:The PyTorch API of nested")
@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_no_array_of_real_numbers_is_refused(entry: str):
    plain = ENTRIES[entry][1]
    for kinds, like in ((NO_ARRAYS, as_given), (NO_TENSORS, torch.asarray)):
        for kind, made in kinds.items():
            if (kind == "csr" and entry in SPARSE) or (kind == MORE and entry in LEARN):
                continue
            found, said = outcome(entry, made(plain), like)
            assert found is None, kind
            assert SAID.get(kind, "") in said, kind


@pytest.mark.parametrize("entry", SPARSE)
def test_sparse_rows_are_taken(entry: str):
    """As the dense ones, where no order is drawn."""
    plain = ENTRIES[entry][1]
    want, _ = outcome(entry, plain, as_given)
    found, said = outcome(entry, scipy.sparse.csr_array(plain), as_given)
    assert found is not None, said
    assert found.shape == want.shape
    if "earn" not in entry:  # a start of some samples is another
        np.testing.assert_allclose(found, want, atol=1e-7)


@pytest.mark.filterwarnings("ignore:X has feature names", "ignore:Objective did not")  # theirs
@pytest.mark.parametrize("function", ["sparse_encode", "dict_learning", "dict_learning_online"])
def test_what_scikit_learn_takes_is_taken(function: str):
    """With the dtype that its estimators give, of which it says more than of its functions."""
    wholes = (X * 10).round()
    kinds = ALIKE | {
        "single": lambda a: a.astype("f4"),
        "whole": lambda a: a.astype(int),
        "big-endian whole": lambda a: a.astype(">i4"),
        "nullable whole": lambda a: pandas.DataFrame(a.astype(int)).astype("Int64"),
        "flags": lambda a: a > 0,
    }
    for kind, made in kinds.items():
        given = made(wholes)
        atoms = V.astype("f4" if kind == "single" else "f8")  # theirs mixes no dtypes
        theirs = sklearn.decomposition.SparseCoder(atoms, **LASSO).transform(given)
        meant = np.asarray(wholes > 0 if kind == "flags" else wholes, theirs.dtype)
        codes = function == "sparse_encode"
        found, want = (
            LIKE(x, V, alpha=0.1) if codes else dictionary(function, x) for x in (given, meant)
        )
        assert found.dtype == theirs.dtype, kind
        np.testing.assert_array_equal(found, want, err_msg=kind)
        if codes:
            np.testing.assert_allclose(found, theirs, atol=1e-2, err_msg=kind)


@pytest.mark.parametrize("entry", ["encode", "dict_learning", "DictionaryLearning"])
def test_a_cast_is_advised_in_the_words_of_the_library(entry: str):
    _, said = outcome(entry, torch.asarray(X).to(torch.float8_e4m3fn), torch.asarray)
    assert "X.to(torch.float64)" in said


def test_traced_arrays_are_refused():
    with pytest.raises(TypeError, match=r"X is inside a transform of torch\.func.*outside"):
        torch.func.vmap(lambda x: ENCODE(x, torch.asarray(V), alpha=0.1).Z)(torch.asarray(X)[None])


def test_traced_arrays_of_jax_eager_are_refused():
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match=r"X is traced by JAX.*outside of the transform"):
        jax.jit(lambda x: ENCODE(x, jax.numpy.asarray(V), alpha=0.1).Z)(jax.numpy.asarray(X))


def test_lazy_arrays_are_refused_but_for_rows():
    array = pytest.importorskip("dask.array")
    for entry in (e for e in ENTRIES if ENTRIES[e][0] != "X"):
        found, said = outcome(entry, array.from_array(ENTRIES[entry][1]), as_given)
        assert found is None
        assert "compute()" in said, entry


def test_numbers_of_other_kinds_are_refused():
    """A duration is an integer to NumPy, and an int may be too large for a float."""
    for alpha in (np.timedelta64(1, "s"), 10**400, 1j, np.ma.masked, np.bool_(True)):
        for call in (
            lambda a: ENCODE(X, V, alpha=a),
            lambda a: LIKE(X, V, alpha=a),
            lambda a: LIKE(X, V, alpha=a, algorithm="omp"),
            lambda a: gpudict.DictionaryLearning(4, alpha=a).fit(X),
        ):
            with pytest.raises((TypeError, ValueError), match=r"alpha (must be|is a masked)"):
                call(alpha)
