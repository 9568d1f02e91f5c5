"""Certificates where rounding decides: coherent atoms, near copies, norms far apart, exact fits.

What must hold there: no answer worse than none, no certificate below the truth, and convergence
wherever the dtype of the codes can hold an optimum.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import gpudict
from gpudict.coding import on_host, refinement
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.objective import quadratic
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import least_squares
from gpudict.solvers.base import IterativeSolver, RowSolution
from gpudict.solvers.records import Solution
from gpudict.solvers.registry import all_solvers
from tests.support import oracles
from tests.support.backends import BackendCase, host
from tests.support.problems import near_copies, unit
from tests.support.shortage import PORTABLE
from tests.support.solving import usable

SOLVERS = usable("active_set", "working_set", "lars")


def cases():
    """Return name -> (X, V, alpha, the dtypes whose codes can hold an optimum)."""
    rng = np.random.default_rng(0)
    both, wide = ("float64", "float32"), ("float64",)
    normal, positive = rng.standard_normal, lambda shape: np.abs(rng.standard_normal(shape))
    k = 96
    rotation = np.linalg.qr(normal((k, k)))[0] + 0.3 * normal((k, k)) / np.sqrt(k)
    found = {
        "positive atoms": (unit(normal((20, 64))), unit(positive((100, 64))), 0.01, both),
        "all positive": (unit(positive((20, 64))), unit(positive((150, 64))), 0.01, both),
        "small alpha": (unit(normal((20, 64)))[:5], unit(normal((256, 64))), 0.001, both),
        "correlated": (unit(normal((20, 40))), unit(normal((80, 40)) + 3), 0.003, both),
        "dense codes": (unit(normal((20, k))), unit(rotation), 0.01, both),
        "norms apart": (normal((5, 10)), unit(normal((20, 10))) * 10 ** rng.uniform(-3, 3, (20, 1)),
                        0.01, wide),
    }  # fmt: skip
    for scale in (1e-6, 1e5, 1e7):
        V = scale * unit(normal((50, 30)))
        found[f"atoms of {scale:g}"] = (normal((8, 30)), V, 0.5 * scale, both)
    for distance in (1e-3, 1e-5, 1e-6):
        found[f"pairs {distance:g}"] = (*near_copies(distance), 1e-3, both)
        found[f"pairs {distance:g}, tiny alpha"] = (*near_copies(distance), 1e-6, ())
    return found


CASES = cases()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("solver", [n for n in SOLVERS if n != "lars"])  # torture has it
def test_rounding_never_rules(solver, name, dtype, positive):
    X, V, alpha, possible = CASES[name]
    X, V = X.astype(dtype), V.astype(dtype)
    found = gpudict.encode(X, V, alpha=alpha, positive=positive, solver=solver)
    half = 0.5 * (X.astype(float) ** 2).sum(axis=1)
    value = oracles.lasso_objective(X, V, found.Z, alpha)
    assert (value <= half * (1 + 1e-6)).all()
    # beside codes in float64: a bound may be closer than the gap of codes rounded to float32
    wide = X.astype(float), V.astype(float)
    best = gpudict.encode(*wide, alpha=alpha, positive=positive).Z
    least = oracles.lasso_objective(X, V, best, alpha)
    judged = value - least + oracles.lasso_gap(X, V, best, alpha, positive)
    tol = 1e-8 if dtype == "float64" else 1e-5
    size = np.abs(found.Z.astype(float)) @ np.linalg.norm(V.astype(float), axis=1)
    noise = V.shape[1] * np.finfo(float).eps * (np.sqrt(2 * half) + size) * size  # of the oracle
    assert (judged <= tol * half * (1 + 1e-3) + noise)[found.converged].all()
    if dtype in possible:
        assert found.converged.all()


@pytest.mark.parametrize("backend", PORTABLE, ids=lambda b: b.name)
def test_on_any_array(backend: BackendCase):
    """Rows of float32 that fall short are finished there, few of many of them."""
    rng = np.random.default_rng(0)
    V = np.repeat(unit(rng.standard_normal((10, 20))), 3, axis=0)
    V = (V + 1e-3 * rng.standard_normal(V.shape)).astype(np.float32)
    X = ((rng.standard_normal((200, 30)) * (rng.random((200, 30)) < 0.2)) @ V).astype(np.float32)
    found = gpudict.encode(backend.asarray(X), backend.asarray(V), alpha=1e-2)
    half = 0.5 * (X.astype(float) ** 2).sum(axis=1)
    best = gpudict.encode(X.astype(float), V.astype(float), alpha=1e-2, solver="lars").Z
    least = oracles.lasso_objective(X, V, best, 1e-2)
    assert host(found.converged).all()
    value = oracles.lasso_objective(X, V, host(found.Z), 1e-2)
    assert (value - least <= 1.01e-5 * half).all()


@pytest.mark.parametrize("alpha", [1e-10, 1e-11, 1e-12])
def test_no_certificate_below_the_truth(alpha):
    """In rational numbers: a converged code is nowhere above another by its tolerance."""
    X, V = near_copies(1e-6, seed=23)
    found = [gpudict.encode(X, V, alpha=alpha, solver=name) for name in SOLVERS]
    for i, x in enumerate(X):
        values = [exact_objective(x, V, f.Z[i], alpha) for f in found]
        for f, value in zip(found, values, strict=True):
            assert f.gap[i] >= float(value - min(values)) - 1e-12
            assert not (f.converged[i] and value - min(values) > 0.5e-8)


def exact_objective(x, V, u, alpha):
    """½‖x − uV‖² + alpha‖u‖₁ of one row, without rounding."""
    u = [Fraction(float(c)) for c in u]
    rest = [
        Fraction(float(a)) - sum(c * Fraction(float(v)) for c, v in zip(u, column, strict=True))
        for a, column in zip(x, V.T, strict=True)
    ]
    return sum(r * r for r in rest) / 2 + Fraction(alpha) * sum(abs(c) for c in u)


def test_a_large_atom_does_not_hide_a_gap():
    """The rounding of one atom's correlation is no allowance for another's."""
    V = np.array([[1e8, 0.0], [0.0, 1.0], [0.0, -1.0]])
    alpha, extra = 1e-6, 0.1775
    init = np.array([[0, 1 - alpha + extra, extra]])
    found = gpudict.encode(np.array([[0.0, 1]]), V, alpha=alpha, init=init, max_iter=0)
    assert not found.converged
    assert found.gap >= 2 * alpha * extra * 0.99


def short(n: int = 12):
    """Return a quadratic whose last atom is zero, a plan for it, and its optimum."""
    rng = np.random.default_rng(5)
    X, V = rng.standard_normal((n, 8)), unit(rng.standard_normal((10, 8)))
    V[-1] = 0
    plan = Plan.of(X, 10, L1(0.1), solver="working_set", tol=None, max_iter=None)
    return least_squares(X, V), plan, gpudict.encode(X, V, alpha=0.1, tol=1e-12).Z


def test_rows_that_are_no_numbers_or_worse_than_none_start_anew(monkeypatch: pytest.MonkeyPatch):
    """Once more, from zeros: with a certificate at last, and what was good is as it was."""
    (q, plan, best), starts = short(), []
    bad = best.copy()
    bad[1], bad[4], bad[6], bad[7, 0] = np.nan, 1e6, best[6] + 1e-3, np.inf
    gap = plan.penalty.certificate(q, best)
    with np.errstate(invalid="ignore"):
        before = Solution(bad, gap, gap >= 0, 30, [])
        real = refinement.run
        see = lambda *a, **k: starts.append(a[3]) or real(*a, **k)  # noqa: E731
        monkeypatch.setattr(refinement, "run", see)
        after = refinement.refined(before, q, plan)
    assert after.converged.all()
    np.testing.assert_allclose(after.Z, best, atol=1e-6)
    good = np.isin(np.arange(12), (1, 4, 6, 7), invert=True)
    np.testing.assert_array_equal(after.Z[good], best[good])
    started = np.concatenate(starts)
    assert np.abs(started).max() < 100
    np.testing.assert_array_equal(started[2], bad[6])  # the third of the four
    assert not started[[0, 1, 3]].any()
    alone = refinement.refined(before._replace(Z=np.where(good[:, None], best, np.nan)), q, plan)
    assert alone.converged.all()  # where nothing but NaN falls short


@pytest.mark.parametrize("some", [[4], [0, 1, 4, 6, 7, 11]])
@pytest.mark.parametrize("scale", [2.0**-40, 1.0, 2.0**40])
def test_what_falls_short_is_finished_at_any_scale(scale, some):
    """A row or several parts of a batch, whatever the units; the others stay, one of zeros too."""
    (q, plan, best), used = short(), (np.arange(12) != 2)[:, None]
    best = scale * best * used
    bad = best + 1e-2 * scale * np.isin(np.arange(12), some)[:, None] * (np.arange(10) < 9)
    q = least_squares(scale * q.factors[0] * used, q.factors[1])
    before = Solution(bad, np.full(12, np.inf), np.zeros(12, bool), 1, [])
    after = refinement.refined(before, q, plan._replace(penalty=L1(0.1 * scale)))
    assert after.converged.all()
    np.testing.assert_allclose(after.Z, best, atol=1e-6 * scale)
    assert after.n_iter > before.n_iter
    others = np.delete(np.arange(12), some)
    np.testing.assert_array_equal(after.Z[others], best[others])


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("name", [*SOLVERS, "fista", "face_walk"])
def test_who_finishes_what_a_solver_leaves(name, narrow):
    """Itself if its codes are narrower than its judge, and fallback after fallback to the last."""
    X, V = near_copies(1e-3)
    plan = Plan.of(X, len(V), L1(0.1), solver=name, tol=None, max_iter=None)
    chain = [solver.name for solver in refinement._again(plan, narrow=narrow)]
    own = [name] if narrow and isinstance(plan.solver, IterativeSolver) else []
    left = [plan.solver.name, *chain[len(own) :]]
    assert chain[: len(own)] == own
    assert [all_solvers()[n].fallback for n in left] == [*left[1:], None]


def test_codes_of_float32_are_judged_and_finished_in_float64():
    """As they are rounded, and so close to the optimum as they can be."""
    wide, _, best = short()
    X, V = (a.astype(np.float32) for a in wide.factors)
    wide = least_squares(X.astype(float), V.astype(float))
    plan = Plan.of(X, 10, L1(0.1), solver="working_set", tol=1e-12, max_iter=None)
    before = Solution((best + 1e-3).astype(np.float32), np.ones(12), np.zeros(12, bool), 1, [])
    after = refinement.refined(before, least_squares(X, V), plan)
    assert after.Z.dtype == np.float32
    assert after.gap.dtype == np.float64
    gap = plan.penalty.certificate(wide, after.Z.astype(float))
    np.testing.assert_array_less(after.gap, gap * (1 + 1e-6))
    np.testing.assert_array_less(after.gap, 1e-12 * wide.sq)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gap_that_may_read_low_must_be_half_as_small(dtype, monkeypatch: pytest.MonkeyPatch):
    """That of a solver in float32, and of rows that are solved once more."""
    (wide, _, best), penalty = short(), L1(0.1)
    X, V, Z = (a.astype(dtype) for a in (*wide.factors, np.linspace(0, 1, 12)[:, None] * best))
    q = least_squares(X, V)
    ratio = penalty.gap(q, Z, quadratic.correlation(q, Z)) / (0.5 * q.sq)
    tol = float(np.median(ratio))
    plan = Plan.of(X, 10, penalty, solver="working_set", tol=tol, max_iter=None)
    rules, real = [plan.stop], refinement.run
    see = lambda *a, **k: rules.append(k["stop"]) or real(*a, **k)  # noqa: E731
    monkeypatch.setattr(refinement, "run", see)
    refinement.refined(Solution(Z, ratio, ratio < 0, 1, []), q, plan)
    state = plan.solver.init(q, penalty, Z)
    for rule, margin in ((rules[0], 0.5 if dtype == "float32" else 1.0), (rules[1], 0.5)):
        found = rule(plan.solver, q, penalty, state).converged
        np.testing.assert_array_equal(found, ratio <= margin * tol)


@pytest.mark.parametrize("start", [None, "better", "worse"])
def test_what_stops_early_is_no_worse_than_its_start(start):
    """Nor than zeros; and is judged as what it is then."""
    q, plan, best = short()
    plan = plan._replace(max_iter=1)
    bad = best + 10.0
    bad[3], bad[5] = best[3] + 1e-2, np.nan
    init = {None: None, "better": best + 1e-3, "worse": best - 20.0}[start]
    nothing = np.full(12, np.inf)
    with np.errstate(invalid="ignore"):
        after = refinement.refined(Solution(bad, nothing, nothing < 0, 1, []), q, plan, init)
    want = {"better": best + 1e-3}.get(start, np.zeros_like(best))
    want = np.where((np.arange(12) == 3)[:, None] & (start != "better"), bad, want)
    np.testing.assert_array_equal(after.Z, want)
    np.testing.assert_allclose(after.gap, plan.penalty.certificate(q, want))
    assert not after.converged.any()
    loose = plan._replace(tol=float(np.median(after.gap / q.sq)))
    with np.errstate(invalid="ignore"):
        again = refinement.refined(Solution(bad, nothing, nothing < 0, 1, []), q, loose, init)
    np.testing.assert_array_equal(again.converged, again.gap <= 0.5 * loose.tol * q.sq)
    assert ((again.gap <= 1.5 * loose.tol * q.sq) & ~again.converged).any()


@pytest.mark.parametrize("times", [1.99, 2.01])
def test_beyond_twice_the_optimum_is_worse_than_none(times):
    """There the objective is that of zeros, which take the place of what stops beyond."""
    q, plan, best = short()
    before = Solution(times * best, np.full(12, np.inf), np.zeros(12, bool), 1, [])
    after = refinement.refined(before, q, plan._replace(max_iter=1))
    np.testing.assert_array_equal(after.Z, before.Z if times < 2 else 0)


def test_what_is_approximate_stays_as_it_is():
    """Though it is worse than zeros, among atoms that are alike; its gap says so."""
    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((20, 8)), unit(rng.standard_normal((10, 8)) + 2)
    pull = X @ V.T
    want = np.sign(pull) * np.maximum(np.abs(pull) - 0.1, 0)
    found = gpudict.encode(X, V, alpha=0.1, solver="threshold")
    np.testing.assert_allclose(found.Z, want, atol=1e-12)
    assert (oracles.lasso_objective(X, V, want, 0.1) > 0.5 * (X**2).sum(axis=1)).any()
    judged = np.minimum(
        oracles.lasso_gap(X, V, want, 0.1), oracles.lasso_objective(X, V, want, 0.1)
    )
    np.testing.assert_allclose(found.gap, judged, rtol=1e-9)


@pytest.mark.parametrize("solver", ["cd", "working_set", "fista"])
@pytest.mark.parametrize("positive", [False, True])
def test_a_zero_atom_has_no_code(solver, positive):
    """Whatever the start says, and however early it ends; nor is the start taken back with one."""
    q, _, best = short()
    X, V = q.factors
    init = best.copy()
    init[:, -1] = 1e-3
    for max_iter in (0, 1, None):
        options = {"solver": solver, "init": init, "max_iter": max_iter, "positive": positive}
        found = gpudict.encode(X, V, alpha=0.1, **options)
        assert not found.Z[:, -1].any()
        if max_iter == 0 and not positive:  # a start that is feasible is taken as it is
            np.testing.assert_array_equal(found.Z[:, :-1], best[:, :-1])
        value = oracles.lasso_objective(X, V, found.Z, 0.1)
        least = gpudict.encode(X, V, alpha=0.1, positive=positive, tol=1e-12).Z
        above = value - oracles.lasso_objective(X, V, least, 0.1)
        assert (above <= found.gap * (1 + 1e-9) + 1e-12).all()
    rows = Request(X, V, init)
    bad = RowSolution(on_host.compressed(best + 10.0), np.full(12, np.inf), np.zeros(12, bool), 1)
    plan = Plan.of(X, 10, L1(0.1, positive), solver="cd", tol=None, max_iter=1)
    after = on_host.refined_rows(bad, q, plan, np.arange(12), rows)
    assert not after.codes.dense(10)[:, -1].any()
    if not positive:
        np.testing.assert_array_equal(after.codes.dense(10)[:, :-1], best[:, :-1])
    assert not positive or (after.codes.values > 0).all()
