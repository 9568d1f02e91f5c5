"""Alpha for a target in learning, and a limit of time: what is reached, kept and gone on from."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.learning import aiming
from tests.support import problems
from tests.support.backends import BackendCase, host

X, V = problems.signal(n=240, d=8, k=12)
START = {"dict_init": V, "random_state": 0}
LEARNERS = {
    "learn": lambda x, **o: gpudict.learn(x, 12, **{"max_iter": 30, **START, **o}),
    "learn_online": lambda x, **o: gpudict.learn_online(
        x, 12, **{"batch_size": 40, "max_iter": 20, **START, **o}
    ),
}


def reached(learned, x=X):
    """Return the mean of the non-zeros a row, and the explained variance."""
    atoms = host(learned.dictionary)
    Z = gpudict.encode(x, atoms, alpha=learned.alpha).Z
    left = ((x - Z @ atoms) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    return {"target_nonzeros": np.count_nonzero(Z) / len(Z), "explained_variance": 1 - left}


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize(("name", "goal"), [("target_nonzeros", 2.5), ("explained_variance", 0.8)])
def test_a_target_is_reached(learner: str, name: str, goal: float):
    """By the atoms that are learned, at an alpha that stays while the record is kept."""
    learned = LEARNERS[learner](X, **{name: goal})
    assert reached(learned)[name] == pytest.approx(goal, rel=0.1 if "non" in name else 0.03)
    if learner == "learn":
        objective, unused = learned.objective, [h.unused for h in learned.history]
        assert len(objective) <= 15
        assert not any(unused)
        assert (np.diff(objective) <= 1e-12 * objective[0]).all()
        Z, R = learned.code, X - learned.code @ learned.dictionary
        want = 0.5 * (R**2).sum() + learned.alpha * np.abs(Z).sum()
        assert objective[-1] == pytest.approx(want)


@pytest.mark.parametrize("learner", LEARNERS)
def test_on_every_library(backend: BackendCase, learner: str):
    x, few = X[:60], {"max_iter": 2, "target_nonzeros": 2.5}
    learned = LEARNERS[learner](backend.asarray(x), **few, dict_init=backend.asarray(V))
    want = LEARNERS[learner](x, **few)
    assert learned.alpha == pytest.approx(want.alpha, rel=1e-3)
    np.testing.assert_allclose(host(learned.dictionary), want.dictionary, atol=2e-2)


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_rows_that_are_elsewhere(learner: str):
    da = pytest.importorskip("dask.array")
    options = {"target_nonzeros": 2.5, "max_iter": 12}
    want = LEARNERS[learner](X, **options)
    for rows in (gpudict.stream(X, batch_size=80), da.from_array(X, chunks=(80, 8))):
        learned = LEARNERS[learner](rows, **options)
        assert learned.alpha == pytest.approx(want.alpha, rel=0.1)
        assert reached(learned)["target_nonzeros"] == pytest.approx(2.5, rel=0.1)


def test_weights_count_rows():
    """That of twice the rows, and of the rows that are there."""
    weight = np.r_[np.full(120, 2.0), np.zeros(120)]
    twice = np.concatenate([X[:120], X[:120]])
    for learner in LEARNERS.values():
        found = learner(X, target_nonzeros=2.5, sample_weight=weight, max_iter=2)
        want = learner(twice, target_nonzeros=2.5, max_iter=2)
        assert found.alpha == pytest.approx(want.alpha, rel=0.2)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_run_is_gone_on_from(learner: str, tmp_path):
    """Wherever it was stopped, in the record or before it, with the alpha of then."""
    options = {"target_nonzeros": 2.5, "max_iter": 8, "tol": 0}
    want = LEARNERS[learner](X, **options)
    seen, kept = [], {"checkpoint": tmp_path / "c", "checkpoint_every": 0}

    def stop(*now):
        seen.append(now)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LEARNERS[learner](X, callback=stop, **kept, **options)
    found = LEARNERS[learner](X, resume=True, **kept, **options)
    assert found.alpha == want.alpha
    np.testing.assert_array_equal(found.dictionary, want.dictionary)
    for other in ({"target_nonzeros": 3.0}, {"target_nonzeros": None, "alpha": 1.0}):
        with pytest.raises(ValueError, match="another run"):
            LEARNERS[learner](X, resume=True, **kept, **options | other)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_limit_of_time_ends_no_run(learner: str, tmp_path):
    """What is there is returned, and its checkpoint leads to what a run without a limit does."""
    options = {"alpha": 0.3, "max_iter": 6, "tol": 0, "checkpoint": tmp_path / "c"}
    found = LEARNERS[learner](X, time_limit=0, **options)
    assert len(found.history) == 1
    assert found.alpha == 0.3
    again = LEARNERS[learner](X, resume=True, **options)
    want = LEARNERS[learner](X, **options | {"checkpoint": None})
    np.testing.assert_array_equal(again.dictionary, want.dictionary)
    assert len(again.history) == len(want.history)
    aimed = LEARNERS[learner](X, target_nonzeros=2.5, time_limit=0)
    assert len(aimed.history) == 1
    assert aimed.alpha > 0


def test_the_alpha_of_many_samples_is_found_on_some(monkeypatch: pytest.MonkeyPatch):
    rows = []
    monkeypatch.setattr(aiming, "most_rows", lambda k: 64)
    monkeypatch.setattr(aiming, "Warm", lambda *a, real=aiming.Warm: rows.append(a[0]) or real(*a))
    for learner in LEARNERS.values():
        learner(X, target_nonzeros=2.5, max_iter=2)
    assert {len(x) for x in rows} == {64, 16}


def test_no_target_is_paid_for_nowhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aiming, "sample", None)
    for learner in LEARNERS.values():
        learner(X, alpha=0.3, max_iter=1)
