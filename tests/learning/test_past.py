"""Learning goes on from rows that are over, of which sums are left, wherever they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gpudict
from gpudict import Statistics
from gpudict.learning.records import State
from tests.support import problems
from tests.support.backends import BackendCase, host

ONCE = {"alpha": 0.1, "max_iter": 1, "tol": 0, "max_no_improvement": None, "shuffle": False}
X, V = problems.signal(n=240, d=12, k=18)
FRESH = {"n_components": 18, "dict_init": V, "batch_size": 30, **ONCE}
ON = {"n_components": 18, "batch_size": 30, **ONCE}


def same(one: State, other: State) -> None:
    """Two states have the same sums and counts."""
    np.testing.assert_allclose(one[3:], other[3:], rtol=1e-10)
    memories = zip((one.recent, one.long), (other.recent, other.long), strict=True)
    for a, b in ((a, b) for q, p in memories for a, b in zip(q[:3], p[:3], strict=True)):
        np.testing.assert_allclose(host(a), host(b), atol=1e-10)


@pytest.mark.parametrize("size", [30, 150])
def test_two_days_are_one_pass(size: int):
    """By parts and in one compiled call; what is gone on from stays as it was."""
    want = gpudict.learn_online(X, **{**FRESH, "batch_size": size})
    monday = gpudict.learn_online(X[:150], **{**FRESH, "batch_size": size})
    kept = [np.array(a) for a in (monday.past.atoms, *monday.past.long[:3])]
    found = gpudict.learn_online(X[150:], **{**ON, "batch_size": size}, past=monday.past)
    np.testing.assert_allclose(found.dictionary, want.dictionary, atol=1e-10)
    same(found.past, want.past)
    assert len(found.history) == 90 / min(size, 90)
    for a, b in zip(kept, (monday.past.atoms, *monday.past.long[:3]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_statistics_are_a_past(backend: BackendCase):
    """Of whichever library: each row counts, and they fade, as the schedule says."""
    first, then = (Statistics.of(part, V, alpha=0.1) for part in (X[:200], X[200:]))
    options = {**ON, "batch_size": 40, "dict_init": backend.asarray(V)}
    found = gpudict.learn_online(backend.asarray(X[200:]), **options, past=first).past
    assert type(found.long.cov) is type(backend.asarray(V))
    assert (found.seen, found.step) == (240, 6)
    fade = {"long": 1 / 6, "recent": 40 * first.uses.sum() / 200 / (50 * 18)}
    for of, share in fade.items():
        for name, mine in zip(("cov", "squares", "gram"), getattr(found, of)[:3], strict=True):
            want = ((1 - share) * getattr(first, name) + getattr(then, name)) / 40
            np.testing.assert_allclose(host(mine), want, atol=1e-5)
    assert np.abs(host(found.atoms) - V).max() > 1e-3  # they have moved


def test_learners_of_other_rows_are_merged(backend: BackendCase):
    """Wherever they are; and what comes of it is better than each alone."""
    a = gpudict.learn_online(X[:60], **FRESH).past
    moved = {**FRESH, "dict_init": backend.asarray(V)}
    b = gpudict.learn_online(backend.asarray(X[60:90]), **moved).past
    both = a.merge(b)
    assert (both.seen, both.step, both.fresh) == (90, 3, 1 - (1 - a.fresh) * 60 / 90)
    assert both.atoms is a.atoms
    for of in ("recent", "long"):
        for one, other, sum_ in zip(*(getattr(p, of)[:3] for p in (a, b, both)), strict=True):
            np.testing.assert_allclose(sum_, one + host(other), atol=1e-12)
    same(both, b.merge(a)._replace(fresh=both.fresh))
    on = gpudict.learn_online(X, **ON, past=both)
    Z = gpudict.encode(X, on.dictionary, alpha=0.1).Z
    alone = gpudict.encode(X, host(a.atoms), alpha=0.1).Z
    costs = [
        0.5 * ((X - Z @ atoms) ** 2).sum() + 0.1 * np.abs(Z).sum()
        for Z, atoms in ((Z, on.dictionary), (alone, host(a.atoms)))
    ]
    assert costs[0] < costs[1]


def test_an_estimator_goes_on_from_it_too():
    one, two = (
        gpudict.MiniBatchDictionaryLearning(18, alpha=0.1, dict_init=V).partial_fit(part)
        for part in (X[:120], X[120:])
    )
    one.past_ = one.past_.merge(two.past_)
    assert one.partial_fit(X[:30]).n_steps_ == 3
    assert one.past_.seen == 270
    assert gpudict.learn_online(X, **ON, past=one.past_).past.seen == 510


def test_a_run_from_a_past_is_resumed(tmp_path: Path):
    """To the same bits; and not from another past."""
    past = gpudict.learn_online(X[:60], **FRESH).past
    want = gpudict.learn_online(X, **ON, past=past)
    kept = {**ON, "checkpoint": tmp_path / "run"}
    gpudict.learn_online(X, **kept, past=past, time_limit=1e-9)
    found = gpudict.learn_online(X, **kept, past=past, resume=True)
    np.testing.assert_array_equal(found.dictionary, want.dictionary)
    for other in (None, gpudict.learn_online(X[:90], **FRESH).past):
        with pytest.raises(ValueError, match="another run: past"):
            gpudict.learn_online(X, **kept, past=other, resume=True)


def test_what_is_no_past_is_said():
    past, sums = gpudict.learn_online(X, **FRESH).past, Statistics.of(X, V, alpha=0.1)
    for given, words in (
        ({"past": X}, "past is a ndarray, and what online learning left"),
        ({"past": sums}, r"have no atoms. .* past\.update\(V\)"),
        ({"past": past, "dict_init": V}, "Pass one of the two"),
        ({"past": past, "n_components": 9}, r"past has the shape \(12, 18\), but \(12, 9\)"),
        ({"past": sums, "dict_init": V[:9]}, r"dict_init has the shape \(9, 12\), but \(18, 12\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            gpudict.learn_online(X, **{**ON, **given})
    with pytest.raises(TypeError, match=r"first\.merge\(\*others\)"):
        past.merge([past])
    less = gpudict.learn_online(X, **{**FRESH, "n_components": 9, "dict_init": V[:9]}).past
    with pytest.raises(ValueError, match="a past of 9 atoms came beside one of 18"):
        past.merge(less)
