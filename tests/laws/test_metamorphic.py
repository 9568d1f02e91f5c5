"""What must not matter, and what must follow: order, signs, scale, company and threads.

A relation maps a problem to another one, and its codes back. Every way to code holds it, and
learning too; there is no oracle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import gpudict
from tests.support.problems import signal

X, V = signal(n=60, d=16, k=24, seed=5)
ALPHAS = np.linspace(0.02, 0.4, 60)
ROWS, ATOMS, FEATURES = (np.random.default_rng(7).permutation(m) for m in (60, 24, 16))
ROTATION = np.linalg.qr(np.random.default_rng(8).standard_normal((16, 16)))[0]
SIGNS = np.where(np.arange(24) % 3, 1.0, -1.0)


class Problem(NamedTuple):
    """Data, atoms, an alpha for each row."""

    X: np.ndarray
    V: np.ndarray
    alphas: np.ndarray


class Relation(NamedTuple):
    """To another problem, and from its codes back; whether codes ≥ 0 allow it."""

    to: Callable[[Problem], Problem]
    back: Callable[[np.ndarray], np.ndarray]
    signed: bool = False


def inverse(order: np.ndarray) -> np.ndarray:
    """Return the permutation that undoes another."""
    return np.argsort(order)


RELATIONS = {
    "rows": Relation(
        lambda p: Problem(p.X[ROWS], p.V, p.alphas[ROWS]), lambda Z: Z[inverse(ROWS)]
    ),
    "atoms": Relation(lambda p: p._replace(V=p.V[ATOMS]), lambda Z: Z[:, inverse(ATOMS)]),
    "features": Relation(
        lambda p: p._replace(X=p.X[:, FEATURES], V=p.V[:, FEATURES]), lambda Z: Z
    ),
    "rotation": Relation(
        lambda p: p._replace(X=p.X @ ROTATION, V=p.V @ ROTATION), lambda Z: Z
    ),
    "signs": Relation(
        lambda p: p._replace(V=SIGNS[:, None] * p.V), lambda Z: SIGNS * Z, signed=True
    ),
    "minus": Relation(lambda p: p._replace(X=-p.X), lambda Z: -Z, signed=True),
    "scale of the data": Relation(
        lambda p: p._replace(X=8 * p.X, alphas=8 * p.alphas), lambda Z: Z / 8
    ),
    "scale of the atoms": Relation(
        lambda p: p._replace(V=4 * p.V, alphas=4 * p.alphas), lambda Z: 4 * Z
    ),
    "a zero atom": Relation(
        lambda p: p._replace(V=np.concatenate([0 * p.V[:1], p.V])), lambda Z: Z[:, 1:]
    ),
    "zero features": Relation(
        lambda p: p._replace(**{n: np.pad(getattr(p, n), ((0, 0), (2, 3))) for n in "XV"}),
        lambda Z: Z,
    ),
    "stacked": Relation(
        lambda p: Problem(np.tile(p.X, (40, 1)), p.V, np.tile(p.alphas, 40)), lambda Z: Z[180:240]
    ),
}  # fmt: skip
WAYS: dict[str, Callable[[Problem, bool], dict[str, Any]]] = {
    "lasso": lambda p, positive: {"alpha": p.alphas, "positive": positive, "tol": 1e-12},
    "portable": lambda p, positive: {
        "alpha": p.alphas, "positive": positive, "tol": 1e-12, "solver": "working_set"
    },
    "lars": lambda p, positive: {
        "alpha": p.alphas, "positive": positive, "tol": 1e-12, "solver": "lars"
    },
    "pursuit": lambda p, positive: {"n_nonzero_coefs": 4, "positive": positive},
    "portable pursuit": lambda p, positive: {
        "n_nonzero_coefs": 4, "positive": positive, "solver": "omp", "batch_size": 7
    },
}  # fmt: skip


def codes(problem: Problem, way: str, positive: bool) -> np.ndarray:
    """Return the codes, which must be what was asked for."""
    found = gpudict.encode(problem.X, problem.V, **WAYS[way](problem, positive))
    assert found.converged.all()
    return found.Z


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RELATIONS)
def test_codes_follow(name: str, way: str, positive: bool) -> None:
    relation, problem = RELATIONS[name], Problem(X, V, ALPHAS)
    if relation.signed and positive:
        pytest.skip("the sign of a code is what is asked for")
    want = codes(problem, way, positive)
    np.testing.assert_allclose(
        relation.back(codes(relation.to(problem), way, positive)), want, atol=2e-6
    )


@pytest.mark.parametrize("way", WAYS)
def test_rows_do_not_see_each_other(way: str) -> None:
    """Split into two calls, or row by row, they have the same codes."""
    want = codes(Problem(X, V, ALPHAS), way, False)
    for cuts in ([17], list(range(1, 60))):
        parts = zip(np.split(X, cuts), np.split(ALPHAS, cuts), strict=True)
        found = [codes(Problem(x, V, alphas), way, False) for x, alphas in parts]
        np.testing.assert_allclose(np.concatenate(found), want, atol=2e-6)


@pytest.mark.parametrize("way", WAYS)
def test_threads_change_no_bit(way: str) -> None:
    many = Problem(np.tile(X, (40, 1)), V, np.tile(ALPHAS, 40))
    one, more = (gpudict.encode(many.X, V, n_jobs=n, **WAYS[way](many, False)).Z for n in (1, 3))
    np.testing.assert_array_equal(one, more)


@pytest.mark.parametrize("what", [{"alpha": 0.2}, {"n_nonzero_coefs": 3}])
@pytest.mark.parametrize("update", ["sweep", "mm"])
def test_learning_follows(what: dict[str, Any], update: str) -> None:
    """Atoms in the order and the rotation of the start and the data; the objective is the same."""
    how = {**what, "max_iter": 6, "tol": 0, "dictionary_update": update, "random_state": 0}
    one = gpudict.learn(X, 24, dict_init=V, **how)
    for data, begin, turn, scale in (
        (X[ROWS], V, np.eye(16), 1.0),
        (X @ ROTATION, V @ ROTATION, ROTATION, 1.0),
        (8 * X, V, np.eye(16), 8.0),
    ):
        asked = how | ({"alpha": scale * what["alpha"]} if "alpha" in what else {})
        two = gpudict.learn(data, 24, dict_init=begin, **asked)
        np.testing.assert_allclose(two.objective, scale**2 * one.objective, rtol=1e-6)
        np.testing.assert_allclose(two.dictionary @ turn.T, one.dictionary, atol=1e-5)
