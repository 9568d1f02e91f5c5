"""Learning over two devices: the dictionary, the history and the codes of one device.

On the simulated ones `tests/gpu/test_several.py` sees it too.
"""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.arrays import devices
from gpudict.arrays.door import at, device
from gpudict.learning import blocks, learn
from gpudict.learning.samples import Samples
from gpudict.learning.updates import recipe_for
from tests.support import problems
from tests.support.backends import host
from tests.support.pairs import STRICT, Pair, across

X, V = problems.signal(n=15, d=5, k=6)
WEIGHTS = np.arange(15.0) % 4  # some are absent
U = np.random.default_rng(0).standard_normal((15, 6))
OPTIONS = {"alpha": 0.3, "max_iter": 2, "tol": 0, "random_state": 0, "code_tol": 1e-12}
PURSUIT = {"alpha": None, "n_nonzero_coefs": 2, "solver": "omp", "code_tol": None}
SPARSE = {"alpha": 2.0, "dict_init": "data"}  # atoms that no code uses, and are revived
CASES = {
    "lasso": {},
    "weights": {"sample_weight": WEIGHTS},
    "revived": {**SPARSE, "sample_weight": WEIGHTS},
    "positive": {"positive_code": True, "positive_dict": True, "dict_init": "data"},
    "pursuit": PURSUIT,
    "start": {"dict_init": V, "code_init": U, "solver": "fista", "code_max_iter": 3},
    "sweep": {"dictionary_update": "sweep"},
}
ONLINE = {
    "lasso": {},
    "weights": {"sample_weight": WEIGHTS},
    "revived": SPARSE,
    "pursuit": PURSUIT,
    "kept order": {"shuffle": False, "positive_code": True},
}
BATCHES = {"batch_size": 8, "max_iter": 2}


def given(pair: Pair, options: dict) -> dict:
    """Return the parameters of a case, arrays where X is."""
    moved = {key: pair.put(a) for key, a in options.items() if key in ("dict_init", "code_init")
             and not isinstance(a, str)}  # fmt: skip
    return {**OPTIONS, **options, **moved}


def same(found: gpudict.Learned, want: gpudict.Learned) -> None:
    """Assert that they learned one dictionary by the same iterations."""
    for name in ("dictionary", "code", "objective", "gap"):
        a, b = getattr(found, name), getattr(want, name)
        if b is not None:
            assert device(a) == device(b)
            np.testing.assert_allclose(host(a), host(b), atol=1e-10, rtol=1e-10)
    assert (found.converged, found.n_iter) == (want.converged, want.n_iter)
    for one, other in zip(found.history, want.history, strict=True):
        assert (one.iteration, one.unused) == (other.iteration, other.unused)
        assert one.objective == pytest.approx(other.objective, rel=1e-10)
        assert one.gap == pytest.approx(other.gap, abs=1e-12)


@pytest.mark.parametrize(("pair", "name"), across(CASES, []), indirect=["pair"])
def test_learn(pair: Pair, name: str):
    """Whichever device comes first, and if X is on none of them."""
    x, options = pair.put(X), given(pair, CASES[name])
    want = gpudict.learn(x, 6, **options)
    assert name != "revived" or any(h.unused for h in want.history)
    same(gpudict.learn(x, 6, **options, devices=pair.devices), want)
    if name == "lasso":
        same(gpudict.learn(x, 6, **options, devices=pair.devices[::-1]), want)
        same(gpudict.learn(x, 6, **options, devices=pair.devices[1:]), want)


@pytest.mark.parametrize(("pair", "name"), across(ONLINE, []), indirect=["pair"])
def test_learn_online(pair: Pair, name: str):
    """Each batch is spread, and what is drawn is the same; copies of few rows are not held."""
    x = pair.put(X[:5] if name == "revived" else X)
    options = {**given(pair, ONLINE[name]), **BATCHES}
    want = gpudict.learn_online(x, 6, **options)
    assert name != "revived" or any(h.unused for h in want.history)
    found = gpudict.learn_online(x, 6, **options, devices=pair.devices)
    same(found, want)
    for one, other in zip(found.past[1:3], want.past[1:3], strict=True):
        for a, b in zip(one[:3], other[:3], strict=True):
            np.testing.assert_allclose(host(a), host(b), atol=1e-10)


@pytest.mark.parametrize("pair", STRICT, indirect=True)
def test_batches_of_an_iterable(pair: Pair):
    """The last one has a row, for which one device is enough."""
    options = {**OPTIONS, **PURSUIT, "max_iter": 1}
    parts = [pair.put(X[cut]) for cut in (slice(0, 8), slice(8, 14), slice(14, 15))]
    want = gpudict.learn_online(parts, 6, **options)
    same(gpudict.learn_online(iter(parts), 6, **options, devices=pair.devices), want)


@pytest.mark.parametrize("pair", STRICT, indirect=True)
def test_a_loop_does_what_threads_do(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    """Bit for bit."""
    options = {**OPTIONS, **PURSUIT, "devices": pair.devices}
    want = gpudict.learn(pair.put(X), 6, **options)
    monkeypatch.setattr(devices, "at_once", lambda job, items: [job(item) for item in items])
    found = gpudict.learn(pair.put(X), 6, **options)
    np.testing.assert_array_equal(host(found.dictionary), host(want.dictionary))
    np.testing.assert_array_equal(host(found.code), host(want.code))


@pytest.mark.parametrize("pair", STRICT, indirect=True)
@pytest.mark.parametrize("spread", [False, True])
def test_what_a_callback_sees(pair: Pair, spread: bool):
    """Codes and gaps where X is, gathered for whoever asks, which may be written into."""
    x, seen = pair.put(X), []

    def spoil(now) -> None:
        assert device(now.code) == device(now.gap) == device(now.dictionary) == device(x)
        seen.append((host(now.code), host(now.gap)))
        for a in (now.code, now.gap, now.dictionary):
            at(a)[...].set(7.0, copy=False)

    options = {**OPTIONS, **PURSUIT, "devices": pair.devices if spread else None}
    found = gpudict.learn(x, 6, **options, callback=spoil)
    same(found, gpudict.learn(x, 6, **options))
    np.testing.assert_array_equal(seen[-1][0], host(found.code))
    np.testing.assert_array_equal(seen[-1][1], host(found.gap))


@pytest.mark.parametrize("pair", STRICT, indirect=True)
@pytest.mark.parametrize("spread", [False, True])
def test_what_is_revived_is_coded_with(pair: Pair, spread: bool, monkeypatch: pytest.MonkeyPatch):
    """By every block, in the next iteration; all else is coded with what was updated."""
    given, updated, coded = {}, [], blocks.coded

    def watched(rows, atoms, *more):
        given.setdefault(rows.shape[0], []).append(host(atoms))
        return coded(rows, atoms, *more)

    monkeypatch.setattr(blocks, "coded", watched)
    found = gpudict.learn(
        pair.put(X), 6, **{**OPTIONS, **SPARSE}, devices=pair.devices if spread else None,
        callback=lambda now: updated.append(host(now.dictionary)),
    )  # fmt: skip
    assert len(given) == 1 + spread
    assert found.history[0].unused
    for atoms in given.values():
        for now, after, progress in zip(updated, atoms[1:], found.history, strict=False):
            assert (now != after).any(axis=1).sum() == progress.unused


@pytest.mark.parametrize("name", ["revived", "start"])
def test_blocks_of_the_host(name: str):
    """Where the codes are compressed rows: two blocks, and their sums, give what one gives."""
    torch = pytest.importorskip("torch")
    x, options = torch.asarray(X), given(Pair((), torch.asarray), CASES[name])
    want = gpudict.learn(x, 6, **options)
    walk = {key: options.pop(key, None) for key in ("max_iter", "tol", "random_state")}
    start = {key: options.pop(key, None) for key in ("dict_init", "code_init")}
    samples = Samples.of(x, options.pop("sample_weight", None))
    recipe = recipe_for(x, 6, **options)._replace(devices=[x.device] * 2)
    same(learn.learned_from(samples, recipe, **walk, **start), want)
