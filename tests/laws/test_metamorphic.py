"""What must not matter, and what must follow: order, signs, scale, company and threads.

A relation maps a problem to another one, and its codes to the other's. Every way to code holds it,
also when it is stopped early, and nothing mends what its solver did; and so does learning. There is
no oracle. `tests/mutation/README.md` says which planted bug each relation was seen to catch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import gpudict
from gpudict.learning import codes
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import Kind
from gpudict.solvers.registry import all_solvers
from gpudict.solvers.stopping import duality_gap, exhausted
from tests.support.problems import signal
from tests.support.solving import solve

X, V = signal(n=60, d=17, k=63, seed=2)  # where 20 atoms pull at each row with a positive sign
ROWS, ATOMS, FEATURES = (np.random.default_rng(7).permutation(m) for m in (60, 63, 17))
ROTATION = np.linalg.qr(np.random.default_rng(8).standard_normal((17, 17)))[0]
SIGNS = np.where(np.arange(63) % 3, 1.0, -1.0)
COPIES = np.arange(600) % 60  # more rows than a chunk of the host has
UP, DOWN = 2.0**20, 2.0**-60


class Problem(NamedTuple):
    """Data, atoms, an alpha for each row, and a squared error to reach."""

    X: np.ndarray = X
    V: np.ndarray = V
    alphas: np.ndarray = np.linspace(0.02, 0.4, 60)
    target: float = 0.3

    def rows(self, some: Any) -> Problem:
        """Return the problem of some rows."""
        return self._replace(X=self.X[some], alphas=self.alphas[some])


class Relation(NamedTuple):
    """To another problem, and from the codes to the other's; whether codes ≥ 0 forbid it."""

    to: Callable[[Problem], Problem]
    codes: Callable[[np.ndarray], np.ndarray] = lambda Z: Z
    signed: bool = False


RELATIONS = {
    "rows": Relation(lambda p: p.rows(ROWS), lambda Z: Z[ROWS]),
    "one row": Relation(lambda p: p.rows(slice(29, 30)), lambda Z: Z[29:30]),
    "stacked": Relation(lambda p: p.rows(COPIES), lambda Z: Z[COPIES]),
    "atoms": Relation(lambda p: p._replace(V=p.V[ATOMS]), lambda Z: Z[:, ATOMS]),
    "a zero atom": Relation(
        lambda p: p._replace(V=np.pad(p.V, ((1, 0), (0, 0)))), lambda Z: np.pad(Z, ((0, 0), (1, 0)))
    ),
    "features": Relation(lambda p: p._replace(X=p.X[:, FEATURES], V=p.V[:, FEATURES])),
    "zero features": Relation(
        lambda p: p._replace(**{name: np.pad(getattr(p, name), ((0, 0), (2, 3))) for name in "XV"})
    ),
    "rotation": Relation(lambda p: p._replace(X=p.X @ ROTATION, V=p.V @ ROTATION)),
    "signs": Relation(
        lambda p: p._replace(X=-p.X, V=SIGNS[:, None] * p.V), lambda Z: -SIGNS * Z, signed=True
    ),
    "scale of the data": Relation(
        lambda p: Problem(DOWN * p.X, p.V, DOWN * p.alphas, DOWN**2 * p.target), lambda Z: DOWN * Z
    ),
    "scale of the atoms": Relation(
        lambda p: p._replace(V=UP * p.V, alphas=UP * p.alphas), lambda Z: Z / UP
    ),
}


def lasso(p: Problem, positive: bool, n_jobs: int | None, **how: Any) -> np.ndarray:
    found = gpudict.encode(
        p.X, p.V, alpha=p.alphas, positive=positive, tol=1e-12, n_jobs=n_jobs, **how
    )
    assert found.converged.all() or "max_iter" in how
    return found.Z


def alone(p: Problem, positive: bool, n_jobs: int | None, solver: str) -> np.ndarray:
    pursues = all_solvers()[solver].kind is Kind.PURSUIT
    penalty = Cardinality(9, p.target, positive) if pursues else L1(p.alphas, positive)
    stop = exhausted if pursues else duality_gap(1e-12)
    return solve(solver, p.X, p.V, penalty, stop, max_iter=200).Z


def pursuit(p: Problem, positive: bool, n_jobs: int | None, **how: Any) -> np.ndarray:
    how |= {"n_nonzero_coefs": 9, "target_error": p.target, "positive": positive}
    return gpudict.encode(p.X, p.V, n_jobs=n_jobs, **how).Z


def learned(p: Problem, positive: bool, n_jobs: int | None, **how: Any) -> np.ndarray:
    found = gpudict.learn(
        p.X, len(p.V), alpha=p.alphas.max(), dict_init=p.V, code_tol=1e-12, max_iter=5, tol=0,
        positive_code=positive, n_jobs=n_jobs, random_state=0, **how,
    )  # fmt: skip
    assert not any(now.unused for now in found.history)  # which are drawn anew
    return found.code * (found.objective[-1] / found.objective[0])


def learned_online(p: Problem, positive: bool, n_jobs: int | None) -> np.ndarray:
    alpha = p.alphas.max() / 4
    found = gpudict.learn_online(
        p.X, len(p.V), alpha=alpha, dict_init=p.V, code_tol=1e-12, max_iter=2, tol=0, batch_size=30,
        positive_code=positive, n_jobs=n_jobs, random_state=0, shuffle=False,
    )  # fmt: skip
    assert not any(now.unused for now in found.history)
    return gpudict.encode(p.X, found.dictionary, alpha=alpha, positive=positive, tol=1e-12).Z


class Way(NamedTuple):
    """The codes of a problem, ≥ 0 or not, by so many threads; the relations that do not hold.

    A round of working sets sees the largest support of the batch, a sweep the order of the atoms.
    """

    codes: Callable[[Problem, bool, int | None], np.ndarray]
    free: tuple[str, ...] = ()


OTHER = ("one row", "a zero atom", "scale of the atoms")
WAYS = {
    "lasso": Way(lasso),
    "lasso, portable": Way(partial(lasso, solver="working_set", batch_size=13)),
    "working set alone": Way(partial(alone, solver="working_set")),
    "face walk alone": Way(partial(alone, solver="face_walk")),
    "omp alone": Way(partial(alone, solver="omp")),
    "ols alone": Way(partial(alone, solver="ols")),
    "lars alone": Way(partial(alone, solver="lars")),
    "two rounds": Way(partial(lasso, max_iter=2), ("one row",)),
    "one round, portable": Way(partial(lasso, solver="working_set", max_iter=1), ("one row",)),
    "30 steps of fista": Way(partial(lasso, solver="fista", max_iter=30)),
    "three sweeps": Way(partial(lasso, solver="cd_sweep", max_iter=3), ("atoms",)),
    "pursuit": Way(pursuit),
    "pursuit, ols": Way(partial(pursuit, solver="ols")),
    "pursuit, lars": Way(partial(pursuit, solver="lars", batch_size=25)),
    "learning": Way(partial(learned, dictionary_update="sweep"), ("atoms", *OTHER)),
    "learning, portable": Way(
        partial(learned, dictionary_update="mm", solver="working_set"), OTHER
    ),
    "learning online": Way(learned_online, ("rows", "stacked", "atoms", *OTHER)),
}


@cache
def given(way: str, positive: bool) -> np.ndarray:
    return WAYS[way].codes(Problem(), positive, None)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize(
    ("way", "name"), [(w, name) for w in WAYS for name in RELATIONS if name not in WAYS[w].free]
)
def test_codes_follow(way: str, name: str, positive: bool) -> None:
    relation = RELATIONS[name]
    if relation.signed and positive:
        pytest.skip("the sign of a code is what is asked for")
    want = relation.codes(given(way, positive))
    found = WAYS[way].codes(relation.to(Problem()), positive, None)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-6 * np.abs(want).max())


@pytest.mark.parametrize("way", [way for way in WAYS if "alone" not in way])
def test_threads_change_no_bit(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ALONE", 0), ("GROUP", 1)):  # or thousands of rows would be needed
        monkeypatch.setattr(codes, name, value)
    one, more = (WAYS[way].codes(Problem().rows(COPIES), False, n) for n in (1, 3))
    np.testing.assert_array_equal(one, more)
