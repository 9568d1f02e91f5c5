"""Laws of the penalties, on inputs that Hypothesis chooses: values, proximal maps and gaps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gpudict.objective import quadratic
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.penalties.l1 import L1
from tests.support import oracles, problems

seeds = st.integers(0, 2**31)
steps = st.floats(1e-3, 10)


def near(Z, rng):
    """Return points around Z at many distances."""
    for size in (1e-3, 0.1, 1.0, 10.0):
        yield Z + size * rng.standard_normal(Z.shape)


@given(seeds, steps, st.floats(0, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_soft_threshold_is_a_prox(seed, step, alpha, positive):
    """prox(Z, t) minimises t·value + ½‖· − Z‖² among all feasible points, near and far."""
    rng = np.random.default_rng(seed)
    Z = 3 * rng.standard_normal((4, 5))
    penalty = L1(alpha, positive)

    def cost(P):
        return step * penalty.value(P) + 0.5 * ((P - Z) ** 2).sum(axis=1)

    best = penalty.prox(Z, step)
    assert not positive or (best >= 0).all()
    for P in near(best, rng):
        P = np.maximum(P, 0) if positive else P
        assert (cost(best) <= cost(P) + 1e-12).all()


@given(seeds, st.booleans())
@settings(max_examples=60, deadline=None)
def test_sphere_and_ball_project(seed, positive):
    """prox is the nearest feasible point, also where a column has no positive entry."""
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((4, 6)) * rng.choice([1e-200, 0.1, 1, 1e200], size=(1, 6))
    Z[:, 0] = -np.abs(Z[:, 0])
    Z[:, 1] = 0
    for penalty in (UnitSphere(positive), UnitBall(positive)):
        if isinstance(penalty, UnitBall):
            Z = np.clip(Z, -1e3, 1e3)
        best = penalty.prox(Z, 1.0)
        assert (penalty.value(best) == 0).all()
        size = np.maximum(np.abs(Z).max(axis=0), 1)
        for P in near(best, rng):
            P = penalty.prox(P, 1.0)
            far = (((P - Z) / size) ** 2).sum(axis=0)
            assert ((((best - Z) / size) ** 2).sum(axis=0) <= far + 1e-12).all()


@given(seeds, st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_cardinality_keeps_the_largest(seed, most):
    rng = np.random.default_rng(seed)
    Z = rng.integers(-3, 4, size=(6, 8)).astype(float)
    best = Cardinality(most).prox(Z, 1.0)
    kept = np.sort(np.abs(best), axis=1)[:, ::-1]
    np.testing.assert_array_equal(kept[:, :most], np.sort(np.abs(Z), axis=1)[:, ::-1][:, :most])
    assert not kept[:, most:].any()


@given(seeds, st.booleans())
@settings(max_examples=80, deadline=None)
def test_gap_bounds_the_suboptimality_of_any_code(seed, positive):
    """From anywhere, not just near the optimum; and it is the oracle's gap."""
    rng = np.random.default_rng(seed)
    p = problems.coding(int(rng.integers(10_000)), most=6)
    U = rng.standard_normal((len(p.X), len(p.V))) * rng.choice([0, 0.1, 3])
    U = np.abs(U) if positive else U
    q = quadratic.least_squares(p.X, p.V)
    gap = L1(p.alpha, positive).gap(q, U, quadratic.correlation(q, U))
    best = [oracles.lasso_by_enumeration(x, p.V, p.alpha, positive) for x in p.X]
    away = oracles.lasso_objective(p.X, p.V, U, p.alpha) - best
    assert (gap >= away - 1e-12 * 0.5 * (p.X**2).sum(axis=1) - 1e-12 * away).all()
    judged = oracles.lasso_gap(p.X, p.V, U, p.alpha, positive)
    np.testing.assert_allclose(gap, judged, rtol=1e-9, atol=1e-12 * (1 + (p.X**2).sum()))


def test_values_say_what_is_feasible():
    """0 inside, inf outside: for each row of codes, for each column of atoms."""
    good, long, negative = np.array([0.6, 0.8]), np.array([1.0, 1.0]), np.array([0.6, -0.8])
    Z = np.stack([good, long, negative, 0.5 * good], axis=1)
    inf = np.inf
    for penalty, value in (
        (UnitSphere(), [0, inf, 0, inf]),
        (UnitSphere(True), [0, inf, inf, inf]),
        (UnitBall(), [0, inf, 0, 0]),
        (UnitBall(True), [0, inf, inf, 0]),
    ):
        np.testing.assert_array_equal(penalty.value(Z), value)
    rows = np.array([[1.0, 0, 2], [1, 1, 1], [0, -1, 0]])
    np.testing.assert_array_equal(Cardinality(2).value(rows), [0, inf, 0])
    np.testing.assert_array_equal(Cardinality(2, positive=True).value(rows), [0, inf, inf])
    np.testing.assert_array_equal(L1(2.0).value(rows), [6, 6, 2])
