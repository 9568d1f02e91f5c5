"""Coherent atoms, near copies, norms far apart, exact fits: where rounding decides.

What must hold there: no answer worse than none, no certificate below the truth, and convergence
wherever the dtype of the codes can hold an optimum.
"""

from __future__ import annotations

import threading
from fractions import Fraction

import numpy as np
import oracles
import problems
import pytest
from problems import unit
from threadpoolctl import threadpool_limits

import gpudict
from gpudict.arrays.threads import blas_threads

SOLVERS = ("active_set", "working_set", "lars")


def pairs(distance, seed=0):
    """Four atoms and a near copy of each, and six samples."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((4, 8))
    V = unit(np.vstack([base, base + distance * rng.standard_normal((4, 8))]))
    return unit(rng.standard_normal((6, 8))), V


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
        "small alpha": (unit(normal((20, 64))), unit(normal((256, 64))), 0.001, both),
        "correlated": (unit(normal((20, 40))), unit(normal((80, 40)) + 3), 0.003, both),
        "dense codes": (unit(normal((20, k))), unit(rotation), 0.01, both),
        "norms apart": (normal((5, 10)), unit(normal((20, 10))) * 10 ** rng.uniform(-3, 3, (20, 1)),
                        0.01, wide),
    }  # fmt: skip
    for scale in (1e-6, 1e5, 1e7):
        V = scale * unit(normal((50, 30)))
        found[f"atoms of {scale:g}"] = (normal((8, 30)), V, 0.5 * scale, both)
    for distance in (1e-3, 1e-5, 1e-6):
        found[f"pairs {distance:g}"] = (*pairs(distance), 1e-3, both)
        found[f"pairs {distance:g}, tiny alpha"] = (*pairs(distance), 1e-6, ())
    return found


CASES = cases()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_rounding_never_rules(solver, name, dtype, positive):
    X, V, alpha, possible = CASES[name]
    X, V = X.astype(dtype), V.astype(dtype)
    found = gpudict.encode(X, V, alpha=alpha, positive=positive, solver=solver)
    half = 0.5 * (X.astype(float) ** 2).sum(axis=1)
    value = oracles.lasso_objective(X, V, found.Z, alpha)
    assert (value <= half * (1 + 1e-6)).all()
    judged = oracles.lasso_gap(X, V, found.Z, alpha, positive)
    if solver == "active_set":  # its bound is closer than the gap of codes rounded to float32
        wide = gpudict.encode(
            X.astype(float), V.astype(float), alpha=alpha, positive=positive, solver=solver
        ).Z
        least = oracles.lasso_objective(X, V, wide, alpha)
        judged = value - least + oracles.lasso_gap(X, V, wide, alpha, positive)
    tol = 1e-8 if dtype == "float64" else 1e-5
    size = np.abs(found.Z.astype(float)) @ np.linalg.norm(V.astype(float), axis=1)
    noise = V.shape[1] * np.finfo(float).eps * (np.sqrt(2 * half) + size) * size  # of the oracle
    assert (judged <= tol * half * (1 + 1e-3) + noise)[found.converged].all()
    if dtype in possible:
        assert found.converged.all()


@pytest.mark.parametrize("alpha", [1e-10, 1e-11, 1e-12])
def test_no_certificate_below_the_truth(alpha):
    """In rational numbers: a converged code is nowhere above another by its tolerance."""
    X, V = pairs(1e-6, seed=23)
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


@pytest.mark.parametrize(("dtype", "distance"), [("f4", 1e-3), ("f8", 1e-6), ("f8", 1e-8)])
def test_least_squares_with_near_copies(dtype, distance):
    X, V = (a.astype(dtype) for a in pairs(distance))
    found = gpudict.encode(X, V, alpha=0)
    rest = np.abs(X - found.Z @ V).max()
    best = np.linalg.lstsq(V.T, X.T, rcond=None)[0].T
    assert rest <= 4 * np.abs(X - best @ V).max() + 1e-12
    assert found.converged.all()


class TestTies:
    """Small integers: many atoms tie, many depend on each other."""

    @pytest.mark.parametrize("positive", [False, True])
    def test_integers(self, positive):
        for seed in range(40):
            rng = np.random.default_rng(seed)
            V = rng.integers(-1, 2, (12, 6)).astype(float)
            X = rng.integers(-2, 3, (10, 6)).astype(float)
            for most in (1, 2, 4):
                options = {"n_nonzero_coefs": most, "positive": positive}
                for solver in ("lars", "omp"):
                    Z = gpudict.encode(X, V, solver=solver, **options).Z
                    assert (np.count_nonzero(Z, axis=1) <= most).all()
                    assert np.isfinite(Z).all()
            for alpha in (0.3, 0.01):
                found = gpudict.encode(X, V, alpha=alpha, solver="lars", positive=positive)
                assert found.converged.all(), (seed, alpha)

    def test_equal_atoms(self):
        """One of several equal atoms stands for all of them."""
        for solver in ("lars", "omp"):
            Z = gpudict.encode(
                np.ones((1, 4)), np.ones((5, 4)) / 2, n_nonzero_coefs=2, solver=solver
            ).Z
            np.testing.assert_allclose(np.sort(Z), [[0, 0, 0, 0, 2]], atol=1e-9)


class TestTargets:
    """A pursuit stops at its target, and says when it could not."""

    @pytest.mark.parametrize("solver", ["omp", "lars"])
    def test_reached(self, solver):
        rng = np.random.default_rng(0)
        X, V = rng.standard_normal((20, 10)), unit(rng.standard_normal((30, 10)))
        found = gpudict.encode(X, V, target_error=2.0, solver=solver)
        error = ((X - found.Z @ V) ** 2).sum(axis=1)
        assert found.converged.all()
        assert (error <= 2).all()
        assert (np.count_nonzero(found.Z, axis=1) < 10).any()
        few = gpudict.encode(X, V, target_error=2.0, n_nonzero_coefs=1, solver=solver)
        error = ((X - few.Z @ V) ** 2).sum(axis=1)
        np.testing.assert_array_equal(few.converged, error <= 2)
        assert not few.converged.all()

    @pytest.mark.parametrize("target", [1e-6, 1e-8])
    def test_in_float32(self, target):
        rng = np.random.default_rng(3)
        V = unit(rng.standard_normal((60, 40))).astype("f4")
        X = unit(rng.standard_normal((100, 40))).astype("f4")
        found = gpudict.encode(X, V, target_error=target)
        error = ((X.astype(float) - found.Z.astype(float) @ V.astype(float)) ** 2).sum(axis=1)
        full = np.count_nonzero(found.Z, axis=1) == 40
        assert ((error <= 1.01 * target) | full).all()


@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_an_outlier_kills_no_atom(scale):
    """The scale by which atoms are called unused is a typical sample's, not the largest one's."""
    X, V0 = problems.signal(n=200, d=16, k=12)
    X[0] *= scale
    learned = gpudict.learn(X, 12, alpha=0.05, dict_init=V0, max_iter=10, tol=0)
    assert not any(h.unused for h in learned.history)
    options = {"batch_size": 50, "max_iter": 2, "shuffle": False}
    online = gpudict.learn_online(X, 12, alpha=0.05, dict_init=V0, **options)
    assert not any(h.unused for h in online.history)


def test_a_rise_after_a_revival_is_no_end():
    X, V0 = problems.signal(n=60, d=8, k=6)
    V0[:3] = problems.unit(np.linalg.svd(X)[2][-1:])[0]  # where the data hardly goes
    learned = gpudict.learn(X, 6, alpha=1.0, dict_init=V0, random_state=0, tol=1e-6)
    first = next(i for i, h in enumerate(learned.history) if not h.unused)
    assert learned.n_iter > first + 3
    assert learned.objective[-1] < learned.objective[first]


def test_overlapping_pools_give_blas_its_threads_back():
    X, V = problems.signal(n=4000, d=16, k=24)
    work = lambda: gpudict.encode(X, V, alpha=0.2, n_jobs=2)  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(2)]
    with threadpool_limits(limits=3, user_api="blas"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(ZeroDivisionError):
            gpudict.learn(X, 24, alpha=0.2, callback=lambda _: 1 / 0)
        assert blas_threads() == 3
