"""The laws that every penalty declares by being one, on the instances of `support.penalties`."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from gpudict.arrays.rows import Rows
from gpudict.objective import quadratic
from gpudict.objective.penalties.contract import (
    CertifiedPenalty,
    CoordinatePenalty,
    Penalty,
    RowPenalty,
)
from gpudict.solvers.base import Kind, Place
from gpudict.solvers.loop import run
from gpudict.solvers.registry import coders, find, portable_solver
from gpudict.solvers.stopping import duality_gap
from tests.support import problems
from tests.support.penalties import PENALTIES, ROWS

NAMES = [name for name, penalty in PENALTIES.items() if isinstance(penalty, RowPenalty)]
CERTIFIED = [name for name in NAMES if PENALTIES[name].certified]
SOLVED = [
    (name, solver.name)
    for name in CERTIFIED
    for solver in coders()
    if solver.solves(PENALTIES[name].form)
    and (solver.kind, solver.place) == (Kind.CERTIFIED, Place.ANYWHERE)
]


def every(kind: type) -> set[type]:
    """Return a kind and all kinds below it."""
    return {kind}.union(*(every(below) for below in kind.__subclasses__()))


def test_every_penalty_is_here():
    known = {type(penalty) for penalty in PENALTIES.values()}
    package = {k for k in every(Penalty) if k.__module__.startswith("gpudict.")}
    assert {k for k in package if not inspect.isabstract(k)} == known


@pytest.mark.parametrize("name", PENALTIES)
def test_it_is_a_value(name: str):
    """What shares a penalty may rely on it: nobody changes one."""
    for word in vars(PENALTIES[name]):
        with pytest.raises(FrozenInstanceError):
            setattr(PENALTIES[name], word, 7)


@pytest.mark.parametrize("name", PENALTIES)
def test_prox(name: str):
    """prox(Z, t) minimises t·value + ½‖· − Z‖², of all that is near it and far."""
    penalty, rng = PENALTIES[name], np.random.default_rng(0)
    axis = 1 if penalty.separable else 0
    Z = 2 * rng.standard_normal((ROWS, 5))

    def cost(P, step):
        return step * penalty.value(P) + 0.5 * ((P - Z) ** 2).sum(axis=axis)

    for step in (0.1, 1.0, 3.0):
        best = penalty.prox(Z, step)
        assert np.isfinite(penalty.value(best)).all()
        assert not penalty.positive or (best >= 0).all()
        for size in (1e-3, 0.1, 1.0, 10.0):
            P = best + size * rng.standard_normal(Z.shape)
            P = penalty.prox(np.maximum(P, 0) if penalty.positive else P, 0.0)  # feasible
            assert (cost(best, step) <= cost(P, step) + 1e-12).all()


@pytest.mark.parametrize("name", CERTIFIED)
def test_bounds(name: str):
    """From anywhere none is below how far a code is from the best; rows do not see each other."""
    penalty, rng = PENALTIES[name], np.random.default_rng(1)
    assert isinstance(penalty, CertifiedPenalty)
    V = problems.unit(rng.standard_normal((5, 8)))
    X = rng.standard_normal((ROWS, 8))
    q = quadratic.least_squares(X, V)

    def objective(U):
        return 0.5 * ((X - U @ V) ** 2).sum(axis=1) + penalty.value(U)

    zero, rule = np.zeros((ROWS, 5)), duality_gap(1e-13)
    found = run(portable_solver("fista"), q, penalty, zero, stop=rule, max_iter=20_000)
    assert found.converged.all()
    for size in (0, 1e-8, 1e-3, 0.1, 1.0, 10.0):
        U = penalty.prox(found.Z + size * rng.standard_normal(zero.shape), 0.0)
        away = objective(U) - objective(found.Z)
        for form in (q, q._replace(gram=None), q._replace(factors=None)):
            every = bounds(penalty, form, U)
            for bound in every:
                assert (bound >= away - 1e-12 * (1 + np.abs(away))).all()
            steered, certificate, _, _ = every
            assert (certificate <= steered + 1e-9 * (1 + steered)).all()
            for row in np.array([[1], [4]]):
                alone = bounds(penalty.of_rows(row), quadratic.of_rows(form, row), U[row])
                for bound, one in zip(every, alone, strict=True):
                    np.testing.assert_allclose(one, bound[row], rtol=1e-6, atol=1e-12)


def bounds(penalty, q, U):
    """Return all bounds on how far codes are above the best."""
    steered = penalty.gap(q, U, quadratic.correlation(q, U))
    away = penalty.certificate(q, U), penalty.above_least_squares(q, U), penalty.closer(q, U)
    return steered, *away


@pytest.mark.parametrize(("name", "solver"), SOLVED)
def test_solvers(name: str, solver: str):
    """Every portable solver that says so solves it, to its certificate, in every form."""
    penalty, rng = PENALTIES[name], np.random.default_rng(3)
    V = problems.unit(rng.standard_normal((5, 8))) * np.geomspace(2, 0.5, 5)[:, None]
    q = quadratic.least_squares(rng.standard_normal((ROWS, 8)), V)
    start, rule = np.zeros((ROWS, 5)), duality_gap(1e-12)
    for form in (q, q._replace(gram=None), q._replace(factors=None)):
        found = run(portable_solver(solver), form, penalty, start, stop=rule, max_iter=20_000)
        assert found.converged.all()
        assert (penalty.certificate(q, found.Z) <= 1e-12 * q.sq).all()


@pytest.mark.parametrize("name", NAMES)
def test_rows(name: str):
    """The penalty of some rows is that of all, there; compressed rows cost what the dense do."""
    penalty, rng = PENALTIES[name], np.random.default_rng(2)
    Z = penalty.prox(rng.standard_normal((ROWS, 5)) * (rng.random((ROWS, 5)) < 0.6), 0.1)
    Z[3] = Z[-1] = 0
    for index in (slice(1, 5), np.array([4, 0, 3])):
        some = penalty.of_rows(index)
        np.testing.assert_array_equal(some.value(Z[index]), penalty.value(Z)[index])
        np.testing.assert_array_equal(some.prox(Z[index], 0.7), penalty.prox(Z, 0.7)[index])
    np.testing.assert_allclose(penalty.cost(Rows.of(Z), 5), penalty.value(Z), atol=1e-15)
    single = penalty.astype(np.float32)
    assert single.value(Z.astype(np.float32)).dtype == np.float32
    assert single.prox(Z.astype(np.float32), 0.7).dtype == np.float32


@pytest.mark.parametrize("name", CERTIFIED)
def test_atoms(name: str):
    """The prox of the codes of some atoms is that of all, there, if it is a sum over the codes."""
    penalty, Z = PENALTIES[name], np.random.default_rng(4).standard_normal((ROWS, 5))
    if isinstance(penalty, CoordinatePenalty):
        some = slice(2, 4)
        np.testing.assert_array_equal(
            penalty.of_atoms(some).prox(Z[:, some], 0.7), penalty.prox(Z, 0.7)[:, some]
        )


@pytest.mark.parametrize("name", NAMES)
def test_some_solver_takes_it(name: str):
    penalty = PENALTIES[name]
    assert find("cd", penalty).solves(penalty.form)
    assert any(solver.solves(penalty.form) for solver in coders()) or not penalty.asked_by
