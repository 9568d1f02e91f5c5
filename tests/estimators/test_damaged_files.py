"""Models in files that are damaged, or made to do harm: a sentence, and never anything else."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.decomposition

import gpudict
from gpudict import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder, SparsePCA
from gpudict.arrays import generators
from tests.support import models
from tests.support.estimators import V, X, fitted

ONLINE = MiniBatchDictionaryLearning
ATOMS, MEAN = "fitted/components_", "fitted/mean_"


def refused(path) -> str:
    """Return the sentence by which a file is refused."""
    with pytest.raises(ValueError, match=r"save\(\) wrote|Install a newer one") as raised:
        gpudict.load(path)
    return str(raised.value)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("kind", "options"),
    [(ONLINE, {"random_state": np.random.default_rng(3)}), (SparsePCA, {}), (SparseCoder, {})],
)
def test_every_place_with_every_odd_value(kind, options, tmp_path):
    """What is loaded can be used: it codes, goes on learning and draws. All else is refused."""
    model, arrays = models.saved(kind, tmp_path / "saved", **options)
    taken = 0
    for place in models.places(model):
        for odd in (*((value,) for value in models.ODD), ()):
            models.write(tmp_path / "m", models.replaced(model, place, *odd), arrays)
            try:
                again = gpudict.load(tmp_path / "m")
            except ValueError:
                continue
            taken += 1
            models.use(again)
            if taken % 50 == 0:  # as the disk is waited for
                again.save(tmp_path / "again")
    assert taken > 100


def limits(of, place=()):
    """Yield each place in a table of states, and the largest number there."""
    for name, limit in of.items():
        if isinstance(limit, dict):
            yield from limits(limit, (*place, name))
        else:
            yield (*place, name), limit


@pytest.mark.parametrize("bits", [*generators.BITS, "RandomState"])
def test_generators_out_of_their_range(bits, tmp_path):
    """A position or a word beyond its end is never given to NumPy, which would read there."""
    legacy = bits == "RandomState"
    rng = np.random.RandomState(3) if legacy else np.random.Generator(getattr(np.random, bits)(3))
    model, arrays = models.saved(ONLINE, tmp_path / "saved", random_state=rng)

    def put(place, value):
        changed = models.replaced(model, ("fitted", "rng_", "state", *place), value)
        models.write(tmp_path / "m", changed, arrays)

    changes = [(("extra",), 1), *([(("gauss",), float("nan"))] if legacy else [])]
    for place, limit in limits(generators.STATES["MT19937" if legacy else bits]):
        length, most = limit if isinstance(limit, tuple) else (None, limit)
        wrong = [-1, -(10**9), most + 1, 2 * most + 10**9, True, 1.0, "1", None]
        if length is not None:
            wrong = [*([value] * length for value in wrong), [1] * (length - 1), [1] * (length + 1)]
        right = [0, most] if length is None else [[0] * length, [most] * length]
        if place[-1] == "inc" or length == 624:  # an even step; no bit that is set
            wrong.append(right.pop(0))
        changes += [(place, value) for value in wrong]
        for value in right:
            put(place, value)
            models.use(gpudict.load(tmp_path / "m"))
    for place, value in changes:
        put(place, value)
        assert "fitted/rng_/state" in refused(tmp_path / "m"), (place, value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda a: {ATOMS: a[ATOMS][0]}, "shape"),
        (lambda a: {ATOMS: a[ATOMS][:, :5]}, "d = "),
        (lambda a: {ATOMS: a[ATOMS][:3]}, "k = "),
        (lambda a: {ATOMS: a[ATOMS][:0]}, "finite numbers, one at least"),
        (lambda a: {ATOMS: a[ATOMS] * np.nan}, "finite"),
        (lambda a: {ATOMS: a[ATOMS].astype(np.float16)}, "float32 or float64"),
        (lambda a: {ATOMS: a[ATOMS].astype(np.int64)}, "dtype int64"),
        (lambda a: {ATOMS: a[ATOMS].astype(np.complex64)}, "dtype complex64"),
        (lambda a: {MEAN: a[MEAN][None]}, "shape"),
        (lambda a: {MEAN: a[MEAN] + np.inf}, "finite"),
        (lambda a: {"more": a[MEAN]}, "'more' stands nowhere"),
        (lambda a: {ATOMS: None}, "array of its own"),
    ],
)
def test_arrays_that_do_not_fit(change, why, tmp_path):
    model, arrays = models.saved(SparsePCA, tmp_path / "saved")
    changed = {name: a for name, a in (arrays | change(arrays)).items() if a is not None}
    models.write(tmp_path / "m", model, changed)
    assert why in refused(tmp_path / "m")


def test_files_that_are_cut_or_made_by_hand(tmp_path):
    """A damaged file, no file at all, and a header that readers may read in two ways."""
    fitted(SparsePCA).save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    for end in (0, 7, 8, 100, len(data) - 1):
        (tmp_path / "cut").write_bytes(data[:end])
        assert "is not a safetensors file" in refused(tmp_path / "cut")
    assert "is a folder" in refused(tmp_path)
    for dtype in ("C64", "I64", "E64", "U64"):
        (tmp_path / "odd").write_bytes(data.replace(b'"F64"', f'"{dtype}"'.encode()))
        refused(tmp_path / "odd")
    for dtype, size in (("BF16", 2), ("F8_E4M3", 1), ("U8", 1)):
        one = f'"a":{{"dtype":"{dtype}","shape":[1],"data_offsets":[0,{size}]}}'
        header = f"{{{one}}}" if dtype != "U8" else f"{{{one},{one}}}"
        made = len(header).to_bytes(8, "little") + header.encode() + b"1" * size
        (tmp_path / "odd").write_bytes(made)
        refused(tmp_path / "odd")


def test_no_bit_turns_unseen(tmp_path):
    """In the header, its length, the checksum or its name, or in the arrays."""
    fitted(SparsePCA).save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    for place in [*range(16), *range(16, len(data), 29)]:
        bad = bytearray(data)
        bad[place] ^= 1 << place % 8
        (tmp_path / "odd").write_bytes(bad)
        refused(tmp_path / "odd")
    (tmp_path / "odd").write_bytes(data.replace(b'"sha256"', b'"sha257"'))
    assert "no checksum" in refused(tmp_path / "odd")


def test_what_load_would_refuse_is_not_written(tmp_path):
    """And what was there stays; but all that fits, however it was given, is read again."""
    learner = fitted(DictionaryLearning)
    learner.save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    learner.set_params(alpha=-1.0)
    with pytest.raises(ValueError, match=r"can't be saved.*parameters/alpha.*Set that parameter"):
        learner.save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == before
    theirs = sklearn.decomposition.MiniBatchDictionaryLearning(4, max_iter=3).fit(X)
    for model in (
        SparseCoder([np.eye(12)[0], [0] * 12], n_jobs=-1),
        fitted(ONLINE, max_iter=0, verbose=True, n_jobs=np.int64(1), alpha=np.float32(0.5)),
        fitted(DictionaryLearning, fit_algorithm="omp", dict_init="data", positive_dict=1),
        fitted(SparsePCA, V_init=V[:4].astype(np.float32), random_state=None),
        ONLINE.from_sklearn(theirs),
        ONLINE(3).partial_fit(X.astype(np.float32)),
    ):
        model.save(tmp_path / "m")
        models.use(gpudict.load(tmp_path / "m"))
