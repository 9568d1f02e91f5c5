"""What the package may ask of a device: launches, waits and copies, counted and held.

The budgets stand here, each with the code that spends it. A number above its budget is a slower
GPU path on every card; one far below it is a budget to lower.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import gpudict
from tests.support.problems import signal

pytest.importorskip("torch")

from benchmarks.standins.counting import Counts
from benchmarks.standins.simulated import raw, to_device

ROUND = {  # launches of a round of the working set: `working_set.COLD`, `loop.run`
    "first": 270,  # 12 FISTA steps of 8 launches, no polish
    "second": 430,  # 20 steps, 3 solves
    "later": 550,  # 30 steps, 4 solves
    "last": 900,  # and 4 faces
}
UPDATE = 19 * 14 + 40  # as many steps of `sphere_mm` as it makes, and its start
ITERATION = 60  # a dictionary's statistics, objective and unused atoms: `alternate.alternate`
CERTIFICATE = 90  # `refinement.refined`, the cast to float64 among it
SCALARS = 64  # bytes of a `read`, at most
ENTERS = {  # what may come from the host, and its largest share of the data's bytes
    "records.objectives": 0.01,  # the objectives, at the end
    "source._shuffled": 0.05,  # the order of the samples, at the start
    "atoms.": 0.2,  # atoms that are drawn anew: NumPy's generator is the same for all libraries
    "codes.without": 0.01,  # which those are
}

ALPHA = 0.15
X, V = signal(n=300, d=24, k=48)


def starts(counts: Counts) -> int:
    """Return how many encodes began: each reads its largest support."""
    return sum(op.place.function.endswith("working_set.init") for op in counts.log if op.waits)


def checks(counts: Counts) -> int:
    """Return how often convergence was checked."""
    return sum(op.place.function == "loop._look" for op in counts.log if op.waits)


def held(counts: Counts) -> None:
    """Check what holds of every call: no copies of data, one wait a check, two a round at most."""
    big = [op for op in counts.log if op.crossed == "to host" and op.outs[0].nbytes() > SCALARS]
    assert not big, f"data went to the host: {[op.place for op in big]}"
    for op in counts.log:
        if op.crossed == "to device":
            share = next((s for name, s in ENTERS.items() if op.place.function.startswith(name)), 0)
            assert op.outs[0].nbytes() <= share * X.nbytes, f"data came from the host: {op.place}"
    rounds = counts.at("rounds")
    assert rounds.waits == checks(rounds) + starts(rounds) <= 2 * checks(rounds), rounds.waiting()
    certificates = counts.at("certificate")
    finishing = checks(certificates) + starts(certificates)
    assert certificates.waits - finishing <= 2 * (starts(counts)), certificates.waiting()
    assert counts.at("update").waits == 0
    assert counts.at("update").to_host == []


def rounds_of(counts: Counts) -> list[int]:
    """Return the launches of each round, cut where the loop looks."""
    sums = [0]
    for op in counts.at("rounds").log:
        sums[-1] += op.launches
        if op.waits and op.place.function == "loop._look":
            sums.append(0)
    return sums[:-1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_encode(simulated, dtype):
    x, v = X.astype(dtype), V.astype(dtype)
    ours, theirs = to_device(x), to_device(v)
    with simulated() as counts:
        found = gpudict.encode(ours, theirs, alpha=ALPHA)
    held(counts)
    assert counts.to_device == []
    for launches, name in zip(rounds_of(counts), ROUND, strict=False):
        assert launches <= ROUND[name], f"the {name} round: {launches} launches"
    assert counts.at("certificate").launches <= CERTIFICATE
    assert counts.at("checks").waits == 1  # X and V are finite
    other = gpudict.encode(x, v, alpha=ALPHA, solver="working_set")
    np.testing.assert_allclose(
        raw(found.Z).numpy(), other.Z, atol=1e-4 if dtype == "float32" else 1e-7
    )
    assert found.Z.device.type == "cuda"
    assert raw(found.converged).all()


def test_a_warm_start_is_cheaper(simulated):
    start = gpudict.encode(X, V, alpha=1.05 * ALPHA).Z
    ours = [to_device(a) for a in (X, V, start)]
    with simulated() as cold:
        gpudict.encode(*ours[:2], alpha=ALPHA)
    with simulated() as warm:
        gpudict.encode(*ours[:2], alpha=ALPHA, init=ours[2])
    held(warm)
    assert warm.launches < cold.launches


def test_the_launches_of_an_update_do_not_depend_on_k(simulated):
    found = []
    for k in (16, 48):
        ours = to_device(X)
        with simulated() as counts:
            gpudict.learn(ours, k, alpha=ALPHA, max_iter=1, dict_init="data", random_state=0)
        found.append(counts.at("update").launches)
    assert found[0] == found[1] <= UPDATE


LASSO = {"alpha": ALPHA, "transform_algorithm": "lasso_cd", "random_state": 0}
BATCH = {"alpha": ALPHA, "max_iter": 3, "random_state": 0}
ONLINE = {"alpha": ALPHA, "batch_size": 100, "max_iter": 1, "random_state": 0}
LEARNERS = {
    "learn": lambda x: gpudict.learn(x, 32, **BATCH),
    "dict_learning": lambda x: gpudict.dict_learning(x, 32, **BATCH),
    "learn_online": lambda x: gpudict.learn_online(x, 32, **ONLINE),
    "dict_learning_online": lambda x: gpudict.dict_learning_online(x, 32, **ONLINE),
    "DictionaryLearning": lambda x: fitted(x, gpudict.DictionaryLearning(20, max_iter=2, **LASSO)),
    "MiniBatchDictionaryLearning": lambda x: fitted(
        x, gpudict.MiniBatchDictionaryLearning(20, batch_size=150, max_iter=1, **LASSO)
    ),
    "SparsePCA": lambda x: fitted(x, gpudict.SparsePCA(5, **BATCH)),
    "MiniBatchSparsePCA": lambda x: fitted(
        x, gpudict.MiniBatchSparsePCA(5, alpha=ALPHA, max_iter=1, batch_size=100, random_state=0)
    ),
    "SparseCoder": lambda x: fitted(
        x, gpudict.SparseCoder(x[:9, :], transform_algorithm="lasso_cd", transform_alpha=ALPHA)
    ),
}


def fitted(x, estimator):
    """Fit and transform."""
    return estimator.fit(x).transform(x)


@pytest.mark.parametrize("name", LEARNERS)
def test_learning(simulated, name):
    """Data stay where they are; an iteration waits once beside the solver, a step twice.

    After the steps there is an update more, for the dictionary.
    """
    ours = to_device(X)
    with simulated() as counts, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        LEARNERS[name](ours)
    held(counts)
    summaries = sum(op.place.function == "records.of" for op in counts.log if op.waits)
    changes = sum(op.place.function == "online.distance" for op in counts.log if op.waits)
    assert changes in (0, summaries)
    revivals = sum(op.place.line.startswith("codes:") for op in counts.log if op.crossed)
    others = counts.at("around").waits - summaries - changes - 2 * revivals
    assert others <= 4, counts.at("around").waiting()  # the start's SVD, its end, a warning
    assert counts.at("update").launches <= UPDATE * (summaries + bool(changes))
    assert counts.at("around").launches <= ITERATION * summaries + 120


def test_learning_gives_what_numpy_gives(simulated):
    options = {"alpha": ALPHA, "max_iter": 3, "dict_init": V[:32], "code_tol": 1e-12}
    other = gpudict.learn(X, 32, solver="working_set", dictionary_update="mm", **options)
    ours = to_device(X)
    with simulated():
        found = gpudict.learn(ours, 32, **{**options, "dict_init": to_device(V[:32])})
    np.testing.assert_allclose(raw(found.dictionary).numpy(), other.dictionary, atol=1e-9)
    np.testing.assert_allclose(raw(found.objective).numpy(), other.objective, rtol=1e-11)
