"""Penalties in place of alpha: each is solved to its optimum, which an oracle finds slowly.

The laws that each keeps as a value are in `tests/objective/test_laws.py`.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

import gpudict
from gpudict.solvers.base import Place
from gpudict.solvers.registry import find
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host

N, K = 6, 12
GROUPS = np.arange(K) // 3
LASSOS = {  # as `oracles.penalised` is told
    "elastic net": {"ridge": 0.3},
    "elastic net, positive": {"ridge": 0.3, "positive": True},
    "weights": {"weight": np.geomspace(0.3, 3, K)},
    "excluded": {"weight": np.r_[np.inf, np.geomspace(0.3, 3, K - 1)]},
    "weights, positive": {"weight": np.geomspace(0.3, 3, K), "positive": True},
    "excluded and free": {"weight": np.r_[np.inf, 0, 0, np.geomspace(0.3, 3, K - 3)]},
    "of rows": {"weight": np.outer(np.geomspace(0.5, 2, N), np.geomspace(3, 0.3, K))},
}
LASSOS["of rows"]["weight"][np.arange(N), np.arange(N)] = np.inf


def data(dtype="float64"):
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((K, 8))) * np.geomspace(0.5, 2, K)[:, None]
    V[5] = V[4]  # equal atoms
    X = rng.standard_normal((N, 8))
    X[2] = 0
    X, V = (a.astype(np.float32) for a in (X, V))  # the same problem in both
    return X.astype(dtype), V.astype(dtype)


def made(told):
    """Return the penalty that the oracle is told."""
    if "ridge" in told:
        return gpudict.ElasticNet(0.3, **told)
    return gpudict.WeightedL1(0.3, told["weight"], told.get("positive", False))


def worth(U, name):
    """Return the objective of codes."""
    say = {of: value for of, value in LASSOS[name].items() if of != "positive"}
    return oracles.penalised_objective(*data(), U, 0.3, **say)


@functools.cache
def least(name):
    """Return the optimal value of each row."""
    (X, V), told = data(), LASSOS[name]
    rows = [{**told, "weight": w} for w in np.broadcast_to(told.get("weight", 1), (N, K))]
    codes = [oracles.penalised(x, V, 0.3, **row) for x, row in zip(X, rows, strict=True)]
    return worth(np.array(codes), name)


@pytest.mark.parametrize("name", LASSOS)
@pytest.mark.parametrize("solver", ["cd", "working_set", "face_walk"])
def test_the_optimum(name: str, solver: str):
    """By each way, and what says so is a bound, of codes that are not there yet too."""
    X, V = data()
    found = gpudict.encode(X, V, penalty=made(LASSOS[name]), solver=solver, tol=1e-10)
    assert found.converged.all()
    assert (worth(found.Z, name) <= least(name) + 1e-9).all()
    early = gpudict.encode(X, V, penalty=made(LASSOS[name]), solver="ista", max_iter=3)
    for codes in (found, early):
        assert (codes.gap >= worth(codes.Z, name) - least(name) - 1e-14).all()


@pytest.mark.parametrize("least", [1e-17, 1e-300])
def test_a_weight_that_hardly_counts(least: float):
    """It is as good as none: atoms divided by it would be all that there is."""
    (X, V), rest = data(), np.geomspace(0.3, 3, K - 1)
    free, hardly = (
        gpudict.encode(X, V, penalty=gpudict.WeightedL1(0.3, [w, *rest])) for w in (0, least)
    )
    assert hardly.converged.all()
    np.testing.assert_allclose(hardly.Z, free.Z, atol=1e-9)


@pytest.mark.parametrize("positive", [False, True])
def test_groups(positive: bool):
    X, V = data()
    penalty = gpudict.GroupL2(0.3, GROUPS, positive)
    say = {"alpha": 0.3, "groups": GROUPS}
    codes = [oracles.grouped(x, V, positive=positive, **say) for x in X]
    lowest = oracles.penalised_objective(X, V, np.array(codes), **say)
    for options in ({"tol": 1e-10}, {"max_iter": 3, "solver": "ista"}):
        found = gpudict.encode(X, V, penalty=penalty, **options)
        away = oracles.penalised_objective(X, V, found.Z, **say) - lowest
        assert (found.gap >= away - 1e-14).all()
        assert len(options) > 1 or (found.converged.all() and (away <= 1e-10).all())


def test_on_every_library(backend: BackendCase, dtype: str):
    """Codes where X is, in its dtype, as near to the optimum as their gap says."""
    X, V = data(dtype)
    dX, dV = backend.asarray(X), backend.asarray(V)
    for name in ("elastic net", "weights", "excluded and free", "of rows"):
        found = gpudict.encode(dX, dV, penalty=made(LASSOS[name]))
        assert found.Z.dtype == dX.dtype
        assert host(found.converged).all()
        away = worth(host(found.Z), name) - least(name)
        assert (away <= host(found.gap) + 1e-14).all()
    grouped = gpudict.encode(dX, dV, penalty=gpudict.GroupL2(0.3, GROUPS))
    assert host(grouped.converged).all()
    assert not host(grouped.Z)[2].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_they_are_the_lasso_for(dtype: str):
    """No ridge, weights of 1, groups of one; and weights are those of atoms v/w."""
    rng = np.random.default_rng(1)
    X, V = (a.astype(dtype) for a in problems.signal(n=60, d=12, k=20))
    lasso = gpudict.encode(X, V, alpha=0.2, tol=1e-12).Z
    near = {"float32": 1e-5, "float64": 1e-12}[dtype] * np.abs(lasso).max()
    one, w = np.ones(20), rng.choice([0.25, 1, 4], size=20).astype(dtype)
    for penalty in (
        gpudict.L1(0.2),
        gpudict.ElasticNet(0.2, 0.0),
        gpudict.ElasticNet(np.full(60, 0.2), 1e-15),
        gpudict.WeightedL1(0.1, 2 * one),
        gpudict.WeightedL1(0.2, np.ones((60, 20))),
    ):
        found = gpudict.encode(X, V, penalty=penalty, tol=1e-12)
        np.testing.assert_allclose(found.Z, lasso, atol=near)
    groups = gpudict.encode(X, V, penalty=gpudict.GroupL2(0.2, np.arange(20)))
    assert (np.abs(groups.Z - lasso).max(axis=1) <= np.sqrt(8 * groups.gap) + near).all()
    scaled = gpudict.encode(X, V / w[:, None], alpha=0.2, tol=1e-12).Z / w
    found = gpudict.encode(X, V, penalty=gpudict.WeightedL1(0.2, w), tol=1e-12)
    np.testing.assert_allclose(found.Z, scaled, atol=4 * near)


def test_rows_of_each_other():
    """Self-representation: with inf on the diagonal a row is coded over all others."""
    X, _ = problems.signal(n=15, d=6, k=8)
    weight = np.where(np.eye(15) == 1, np.inf, 1.0)
    penalty = gpudict.WeightedL1(0.1, weight)
    whole = gpudict.encode(X, X, penalty=penalty, tol=1e-13).Z
    assert not whole.diagonal().any()
    for i in range(15):
        others = np.arange(15) != i
        alone = gpudict.encode(X[i : i + 1], X[others], alpha=0.1, tol=1e-13)
        np.testing.assert_allclose(whole[i, others], alone.Z[0], atol=1e-6)
    listed = gpudict.WeightedL1(np.float32(0.1), weight.tolist())
    parts = gpudict.encode(gpudict.stream(X, batch_size=4), X, penalty=listed, tol=1e-13)
    np.testing.assert_allclose(parts.Z, whole, atol=1e-6)


LEARNABLE = (
    gpudict.ElasticNet(np.float32(0.1), 0.2),
    gpudict.WeightedL1(0.1, np.geomspace(0.5, 2, 8)),
    gpudict.WeightedL1(0.1, np.r_[0.0, np.geomspace(0.6, 2, 7)]),
    gpudict.GroupL2(0.1, np.arange(8) // 2),
)


@pytest.mark.parametrize("penalty", LEARNABLE, ids=lambda p: type(p).__name__)
def test_learning(penalty, tmp_path):
    """The objective never rises; it is that of the codes; a checkpoint knows its penalty."""
    X, _ = problems.signal(n=80, d=10, k=8)
    file = str(tmp_path / "run")
    options = {"max_iter": 6, "tol": 0.0, "random_state": 0, "checkpoint": file}
    learned = gpudict.learn(X, 8, penalty=penalty, **options)
    assert learned.converged
    assert (np.diff(learned.objective) <= 1e-9 * learned.objective[0]).all()
    value = penalty.fitted(X, 8).value(learned.code).sum()
    away = 0.5 * ((X - learned.code @ learned.dictionary) ** 2).sum() + value
    np.testing.assert_allclose(away, learned.objective.min(), rtol=1e-12)
    np.testing.assert_array_equal(
        gpudict.learn(X, 8, penalty=penalty, resume=True, **options).code, learned.code
    )
    with pytest.raises(ValueError, match=r"penalty was .* came now"):
        gpudict.learn(X, 8, alpha=0.1, resume=True, **options)
    some = {"penalty": penalty, "batch_size": 20, "max_iter": 2, "random_state": 0}
    objectives = []
    for solver in ("cd", "fista"):  # one in few compiled calls, where there is such a step
        learned = gpudict.learn_online(X, 8, solver=solver, code_tol=1e-11, **some)
        assert learned.converged
        objectives.append(learned.objective)
    np.testing.assert_allclose(*objectives, rtol=1e-4)


E = gpudict.ElasticNet(0.1, 0.2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"penalty": 0.1}, "a float came"),
        ({"penalty": E, "alpha": 0.1}, "penalty came, and alpha"),
        ({"penalty": E, "n_nonzero_coefs": 2}, "penalty came, and alpha"),
        ({"penalty": E, "positive": True}, "penalty came, and alpha"),
        ({"penalty": gpudict.ElasticNet(0.1, -1)}, "ridge must be"),
        ({"penalty": E, "solver": "omp"}, r"but penalty=ElasticNet\(…\) came"),
        ({"penalty": gpudict.ElasticNet(-0.1, 1)}, "alpha must be"),
        ({"penalty": gpudict.WeightedL1(0, np.ones(K))}, "alpha is 0"),
        ({"penalty": gpudict.WeightedL1(0.1, np.ones(3))}, "is needed"),
        ({"penalty": gpudict.WeightedL1(0.1, -np.ones(K))}, "below 0"),
        ({"penalty": gpudict.WeightedL1(0.1, np.eye(N, K))}, "for all rows"),
        ({"penalty": gpudict.WeightedL1(0.1, np.zeros(K), True)}, "positive=True came"),
        ({"penalty": gpudict.GroupL2(0.1, [1, 2])}, "a label for each"),
        ({"penalty": gpudict.GroupL2(0.1, [None] * K)}, "all numbers or all words"),
        ({"penalty": gpudict.GroupL2(0.1, [[0], [1, 2]])}, "the number of its list"),
        ({"penalty": gpudict.GroupL2(0.1, [*GROUPS[1:], np.nan])}, "none of them missing"),
        ({"penalty": gpudict.GroupL2(0.1, GROUPS), "solver": "lars"}, "asks for the group lasso"),
        ({"penalty": gpudict.WeightedL1(0.1, [*np.ones(K - 1), 0]), "solver": "lars"}, "asks"),
    ],
)  # fmt: skip
def test_what_can_not_be(given, said: str):
    X, V = data()
    with pytest.raises((TypeError, ValueError), match=said):
        gpudict.encode(X, V, **given)


def test_numbers_of_rows_where_nobody_knows_which():
    rows = gpudict.ElasticNet(np.ones(3), 0.1)
    da = pytest.importorskip("dask.array")
    for call in (
        lambda: gpudict.learn(np.eye(3), 3, penalty=rows),
        lambda: gpudict.encode(da.from_array(np.eye(3)), np.eye(3), penalty=rows),
    ):
        with pytest.raises(ValueError, match="numbers for each row"):
            call()


@pytest.mark.parametrize("pair", ["strict"], indirect=True)
def test_on_several_devices(pair):
    """What a penalty has for rows is cut, and all that it has goes along."""
    X, V = data()
    for penalty in (
        made(LASSOS["of rows"]),
        gpudict.GroupL2(np.geomspace(0.1, 1, N), GROUPS),
        gpudict.ElasticNet(np.geomspace(0.1, 1, N), 0.2),
    ):
        there = gpudict.encode(pair.put(X), pair.put(V), penalty=penalty, devices=pair.devices)
        here = gpudict.encode(X, V, penalty=penalty)
        assert (np.abs(host(there.Z) - here.Z) <= 1e-3).all()
        assert host(there.converged).all()
    learned = gpudict.learn(
        pair.put(X), K, penalty=made(LASSOS["excluded and free"]), devices=pair.devices, max_iter=2
    )
    assert learned.converged


def test_many_atoms():
    """No solver without a Gram gets a penalty that is reduced: it takes atoms as they are."""
    X = np.ones((2, 3))
    assert find("cd", E, X, 5000).place is Place.ANYWHERE
    assert find("cd", gpudict.WeightedL1(1.0, np.ones(5000)).fitted(X, 5000), X, 5000).name == (
        "working_set"
    )
