"""The one loop: it waits once a check, and rows leave as they finish, each with its own alpha."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from gpudict.objective import quadratic
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import IterativeSolver, Kind, Place
from gpudict.solvers.loop import run, stepped
from gpudict.solvers.registry import all_solvers, coders, portable_solver
from gpudict.solvers.stopping import duality_gap, exhausted, still
from tests.support import oracles, problems
from tests.support.counting import counted_waits
from tests.support.solving import solve

PORTABLE = [
    s.name for s in coders() if s.place is Place.ANYWHERE and s.kind is not Kind.APPROXIMATE
]
UPDATES = [
    s.name
    for s in all_solvers().values()
    if s.kind is Kind.UPDATE and s.place is Place.ANYWHERE and not s.turns_codes
]


@pytest.mark.parametrize("name", PORTABLE)
def test_waits_are_counted(name: str):
    """One wait a check, whatever lies between; the working set also reads its start."""
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in problems.small("float64"))
    pursuit = all_solvers()[name].kind is Kind.PURSUIT
    penalty = Cardinality(4) if pursuit else L1(0.05)
    start = 1 if name == "working_set" else 0
    with counted_waits() as waits:
        stop = exhausted if pursuit else duality_gap(0.0)
        found = solve(name, X, V, penalty, stop, max_iter=60, check_every=20)
    assert len(waits) == len(found.history) + start, waits
    with counted_waits() as waits:
        q = quadratic.least_squares(X, V)
        stepped(all_solvers()[name], q, penalty, xp.zeros_like(q.cov), 7)
    assert len(waits) == start, waits


@pytest.mark.parametrize("name", UPDATES)
def test_dictionary_updates_never_wait(name: str):
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in problems.signal())
    U = xp.matrix_transpose(V @ xp.matrix_transpose(X))
    with counted_waits() as waits:
        q = quadratic.statistics(X, U)
        stepped(portable_solver(name), q, UnitSphere(), xp.matrix_transpose(V), 20)
    assert waits == []


@pytest.mark.parametrize("name", PORTABLE)
def test_finished_rows_leave(name: str):
    """Rows leave as they finish and come back in order, whatever the order they finished in."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((20, 10)))
    n = 12
    X = rng.standard_normal((n, 10)) * np.where(np.arange(n) % 3 == 0, 1e-3, 1)[:, None]
    pursuit = all_solvers()[name].kind is Kind.PURSUIT
    penalty = Cardinality(6, target=0.5) if pursuit else L1(0.2)
    rule = exhausted if pursuit else duality_gap(1e-6)

    def some(rows):
        return solve(name, rows, V, penalty, rule, max_iter=20_000, check_every=1)

    found = some(X)
    left = [check.unfinished for check in found.history]
    assert left[0] > left[len(left) // 2] >= left[-1] == 0
    assert [check.iteration for check in found.history] == list(range(1, found.n_iter + 1))
    one = solve(name, X, V, penalty, rule, max_iter=1)
    (check,) = one.history
    assert check.unfinished == (~one.converged).sum()
    assert check.gap == (one.gap / (0.5 * (X**2).sum(axis=1))).max()
    alone = np.concatenate([some(X[i : i + 1]).Z for i in range(n)])
    np.testing.assert_allclose(found.Z, alone, atol=1e-2)


@pytest.mark.parametrize("name", [n for n in PORTABLE if all_solvers()[n].solves(L1)])
def test_an_alpha_a_row_leaves_with_its_row(name: str):
    """Where rows finish early, those that go on keep their own alpha."""
    rng = np.random.default_rng(0)
    V, X = problems.unit(rng.standard_normal((20, 10))), rng.standard_normal((24, 10))
    alphas = np.where(np.arange(24) % 3 == 0, 10.0, np.linspace(0.1, 0.5, 24))
    rule = duality_gap(1e-9)
    found = solve(name, X, V, L1(alphas), rule, max_iter=100_000, check_every=1)
    for i, alpha in enumerate(alphas):
        judged = oracles.lasso_gap(X[i : i + 1], V, found.Z[i : i + 1], alpha)
        assert judged <= 1.01e-9 * 0.5 * (X[i] @ X[i]) + 1e-15


@pytest.mark.parametrize("fallback", [None, "omp"])
def test_a_row_that_is_given_up_is_said(fallback):
    """Its gap is NaN where another solver takes it over; no target is reached by it."""

    class Pursuit:
        settled = staticmethod(lambda state: state[0])
        error = staticmethod(lambda state: state[1])

    Pursuit.fallback = fallback
    state = np.array([True, True, True, False]), np.array([0.5, 1.5, np.nan, 0.2])
    q = quadratic.least_squares(np.ones((4, 2)), np.eye(2))
    for target, reached in ((0.0, [1, 1, 1, 0]), (0.5, [1, 0, 0, 0])):
        verdict = exhausted(Pursuit(), q, Cardinality(1, target), state)
        np.testing.assert_array_equal(verdict.done, state[0])
        np.testing.assert_array_equal(verdict.converged, np.array(reached) > 0)
        gap = [np.inf, np.inf, np.inf if fallback is None else np.nan, np.inf]
        np.testing.assert_array_equal(verdict.gap, gap)


def test_what_is_still(dtype: str):
    """Rows that rounding alone moves, of any size, and zeros that stay."""
    eps = np.finfo(dtype).eps
    Z = np.array([[0, 0], [1, 2], [1, 2], [-2e9, 0]], dtype)
    moved = np.array([[0, 0], [4 * eps, 0], [0, 8 * eps], [0, 4e9 * eps]], dtype)
    np.testing.assert_array_equal(still(Z, Z + moved), [True, True, False, True])


class Countdown(IterativeSolver):
    """A solver whose gaps fall by one a step, and which notes how many rows it steps."""

    kind, penalties, seen = Kind.CERTIFIED, (L1, UnitSphere), []

    class State(NamedTuple):
        Z: np.ndarray
        left: np.ndarray

    def init(self, q, penalty, Z):
        return self.State(Z, Z[:, 0] * 1.0)

    def step(self, q, penalty, state):
        self.seen.append((len(state.Z), len(q.sq)))
        return state._replace(left=state.left - 1)

    def gap(self, q, penalty, state):
        return state.left

    def settled(self, state):
        return state.left < -100


@pytest.mark.parametrize("penalty", [L1(np.ones(20)), UnitSphere()])
@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("limit", [4, 5, 50])
def test_a_tenth_of_the_rows_leaves(penalty, every, limit):
    """No fewer, or copies would cost more than they save; and none where rows see each other."""
    steps = np.random.default_rng(0).permutation([1] + 2 * [2] + [3] + 6 * [4] + 10 * [6])
    Z = np.stack([steps + 1, np.arange(20)], axis=1).astype(float)
    q, solver = quadratic.Quadratic(Z, np.full(20, 2.0)), Countdown()
    solver.seen.clear()
    found = run(solver, q, penalty, Z, stop=duality_gap(1), max_iter=limit, check_every=every)
    n_iter = min(limit, 6)
    rows = [20, 20, 17, 17, 10, 10][:n_iter] if penalty.separable else n_iter * [20]
    assert solver.seen == [(n, n) for n in rows]
    np.testing.assert_array_equal(found.Z, Z)
    np.testing.assert_array_equal(found.converged, steps <= n_iter)
    np.testing.assert_array_equal(found.gap <= 1, found.converged)
    assert found.n_iter == n_iter
    checks = [s for s in range(1, n_iter + 1) if s % every == 0 or s == n_iter]
    want = [(s, (steps > s).sum(), (steps + 1 - s).max()) for s in checks]
    assert [tuple(check) for check in found.history] == want
