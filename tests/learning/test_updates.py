"""The update of a dictionary: a sweep is the oracle's, and the objective never rises."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.learning.updates import DictionaryStep
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.quadratic import statistics
from gpudict.solvers.base import IterativeSolver
from gpudict.solvers.registry import all_solvers
from tests.support import oracles, problems


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", ["sphere_sweep", "sphere_blocks"])
def test_a_sweep_is_the_oracle(name, positive):
    rng = np.random.default_rng(3)
    X, U, V = (
        rng.standard_normal((20, 6)),
        rng.standard_normal((20, 5)),
        rng.standard_normal((5, 6)),
    )
    V = problems.unit(np.abs(V) if positive else V)
    A, B = U.T @ U, U.T @ X
    solver = all_solvers()[name]
    assert isinstance(solver, IterativeSolver)
    found = DictionaryStep(solver, UnitSphere(positive), 1)(statistics(X, U), V)
    np.testing.assert_allclose(found, oracles.sphere_sweep(A, B, V, positive), atol=1e-12)


@pytest.mark.parametrize("update", ["sweep", "mm"])
@pytest.mark.parametrize(("positive_code", "positive_dict"), [(False, False), (True, True)])
def test_the_objective_never_rises(update, positive_code, positive_dict):
    X, V0 = problems.signal(n=60, d=10, k=8)
    signs = {"positive_code": positive_code, "positive_dict": positive_dict}
    learned = gpudict.learn(
        X, 8, alpha=0.05, dict_init=np.abs(V0) if positive_dict else V0, max_iter=30, tol=0,
        dictionary_update=update, random_state=0, code_tol=1e-12, **signs,
    )  # fmt: skip
    falls = learned.objective[1:] <= learned.objective[:-1] * (1 + 1e-11)
    revived = np.array([h.unused > 0 for h in learned.history])
    assert (falls | revived[:-1]).all()
    assert not positive_code or (learned.code >= 0).all()
    assert not positive_dict or (learned.dictionary >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(learned.dictionary, axis=1), 1, atol=1e-12)
    assert (learned.gap <= 1e-12 * 0.5 * (X**2).sum(axis=1) + 1e-300).all()
    assert learned.converged
