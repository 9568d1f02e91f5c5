"""Certificates where rounding decides: coherent atoms, near copies, norms far apart, exact fits.

What must hold there: no answer worse than none, no certificate below the truth, and convergence
wherever the dtype of the codes can hold an optimum.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import gpudict
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
        found[f"pairs {distance:g}"] = (*near_copies(distance), 1e-3, both)
        found[f"pairs {distance:g}, tiny alpha"] = (*near_copies(distance), 1e-6, ())
    return found


CASES = cases()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "solver", [n if n != "lars" else pytest.param(n, marks=pytest.mark.slow) for n in SOLVERS]
)
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
