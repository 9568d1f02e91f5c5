"""Learning where entries have weights or are missing: the objective is theirs, and never rises."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.coding.plan import Plan
from gpudict.learning import features, filling
from gpudict.learning.codes import coded
from gpudict.learning.samples import Samples
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers import places
from tests.support import problems
from tests.support.backends import BackendCase, host

X, V = problems.signal(n=40, d=10, k=8)
W = np.random.default_rng(1).exponential(size=X.shape) * (
    np.random.default_rng(0).random(X.shape) < 0.7
)
HOLED = np.where(W > 0, X, np.nan)
ALPHA = 0.1


@pytest.fixture(autouse=True)
def _portable(monkeypatch: pytest.MonkeyPatch):
    """Without the compiled solver, whose kernel takes long to compile."""
    monkeypatch.setattr(places, "numba_works", lambda: False)


def objective(U, atoms, weight):
    """½‖√w∘(X − UV)‖² + alpha‖U‖₁."""
    return 0.5 * (weight * (X - U @ atoms) ** 2).sum() + ALPHA * np.abs(U).sum()


@pytest.fixture(scope="module")
def first():
    """What NumPy's portable solvers learn, by each way to update the atoms."""
    return {}


@pytest.mark.parametrize("most", [0, features.NUMBERS])
def test_monotone(backend: BackendCase, most: int, first, monkeypatch: pytest.MonkeyPatch):
    """By filled rows and by features; of one's own weights, whatever their scale."""
    monkeypatch.setattr(features, "NUMBERS", most)
    scale = 1e-24  # with which √w is far below the rounding of UV
    told = {"alpha": ALPHA * scale, "max_iter": 3, "tol": 0, "random_state": 0, "code_tol": 1e-12}
    learned = gpudict.learn(backend.asarray(X), 8, entry_weight=backend.asarray(scale * W), **told)
    cost, atoms = host(learned.objective) / scale, host(learned.dictionary)
    assert learned.converged
    assert (np.diff(cost) <= 1e-12 * cost[:-1]).all()
    assert cost[-1] < 0.995 * cost[0]
    np.testing.assert_allclose(cost[-1], objective(host(learned.code), atoms, W), rtol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(atoms, axis=1), 1)
    np.testing.assert_allclose(atoms, first.setdefault(most, atoms), atol=1e-7)


def test_sums_of_filled_rows_majorise():
    """For other atoms they are above the objective of the same codes, for these ones as it is."""
    plan = Plan.of(X, 8, L1(ALPHA), solver="cd", tol=None, max_iter=None, weighted=True)
    codes, _ = coded(X, V, plan, weight=W)
    samples = Samples.of(np.where(W > 0, X, 0)).seen(W)
    U, q = codes.array(), codes.statistics(filling.filled(samples, codes, V))

    def above(atoms):
        bound = 0.5 * np.trace(atoms.T @ q.gram @ atoms) - (q.cov.T * atoms).sum()
        return bound * W.max() - 0.5 * (W * (X - U @ atoms) ** 2).sum()

    rng = np.random.default_rng(2)
    away = (*[1e-3] * 8, 0.1, 1, 10)
    others = [problems.unit(V + s * rng.standard_normal(V.shape)) for s in away]
    assert all(above(other) >= above(V) - 1e-9 for other in others)


def test_missing_entries_are_found_again():
    """Of planted data, better than by the mean; a row that is empty has no code, and no gap."""
    X, _ = problems.signal(n=100, d=12, k=4)
    lost = np.random.default_rng(0).random(X.shape) < 0.3
    lost[3] = True
    holed, told = np.where(lost, np.nan, X), {"alpha": 0.05, "max_iter": 10, "random_state": 0}
    learned = gpudict.learn(holed, 4, missing="nan", dict_init="data", **told)
    off = ((learned.code @ learned.dictionary - X)[lost] ** 2).sum()
    assert off < 0.2 * (X[lost] ** 2).sum()
    assert not learned.code[3].any()
    assert learned.gap[3] == 0


def test_online():
    """Of an array and of batches, whose rows are the same, the same atoms."""
    told = {"alpha": ALPHA, "missing": "nan", "random_state": 0, "max_iter": 2}
    cuts = [HOLED[low : low + 10] for low in range(0, 40, 10)]
    rest = {"batch_size": 10, "shuffle": False, "dict_init": V}
    one, other = (gpudict.learn_online(rows, 8, **told, **rest) for rows in (HOLED, cuts))
    np.testing.assert_allclose(one.dictionary, other.dictionary, atol=1e-10)
    own = {"alpha": ALPHA, "dict_init": V, "batch_size": 10, "random_state": 0}
    weighted = gpudict.learn_online(X, 8, entry_weight=W, **own)
    folded, weight = (a.reshape(4, 10, -1) for a in (X, W))
    again = gpudict.learn_online(folded, 8, entry_weight=weight, **own)
    np.testing.assert_array_equal(again.dictionary, weighted.dictionary)
    U = gpudict.encode(X, weighted.dictionary, alpha=ALPHA, entry_weight=W).Z
    start = gpudict.encode(X, V, alpha=ALPHA, entry_weight=W).Z
    assert objective(U, weighted.dictionary, W) < 0.9 * objective(start, V, W)


def test_a_run_goes_on(tmp_path):
    told = {"alpha": ALPHA, "missing": "nan", "random_state": 0, "max_iter": 6}
    kept = {"checkpoint": tmp_path / "kept", "checkpoint_every": 0}

    def ends(now):
        if now.progress.iteration == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gpudict.learn(HOLED, 8, **told, **kept, callback=ends)
    again = gpudict.learn(HOLED, 8, **told, **kept, resume=True)
    np.testing.assert_array_equal(again.dictionary, gpudict.learn(HOLED, 8, **told).dictionary)
    with pytest.raises(ValueError, match="kept"):
        gpudict.learn(np.nan_to_num(HOLED), 8, **told | {"missing": None}, **kept, resume=True)


def test_what_is_said(tmp_path):
    holed = HOLED.copy()
    holed[:, [1, 4]] = np.nan
    with pytest.warns(UserWarning, match="2 of 10 features of X are never observed"):
        found = gpudict.learn(holed, 8, alpha=ALPHA, missing="nan", max_iter=3, random_state=0)
    assert np.abs(found.dictionary[:, [1, 4]]).max() < 1e-12
    np.save(tmp_path / "X.npy", HOLED)
    with pytest.raises(ValueError, match="read as they are needed"):
        gpudict.learn(gpudict.stream(tmp_path / "X.npy"), 8, alpha=ALPHA, missing="nan")
    for bad in ([X], gpudict.stream(tmp_path / "X.npy")):
        with pytest.raises(ValueError, match="read as they are needed"):
            gpudict.learn_online(bad, 8, alpha=ALPHA, entry_weight=W)
