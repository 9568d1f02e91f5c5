"""The lasso an atom at a time: the strongest is found by its bits, and the end is the optimum."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import Atoms, Limits, RowBatch
from gpudict.solvers.host.kernels import march
from gpudict.solvers.registry import all_solvers
from tests.support import oracles, problems


@pytest.mark.parametrize("k", [1, 2, 7, 300])
@pytest.mark.parametrize("positive", [False, True])
def test_uncompiled_bits_say_who_pulls_hardest(k: int, positive: bool):
    """And by how much at most: of the atoms outside the set, none where none pulls."""
    rng = np.random.default_rng(k)
    numbers, opened = march.bits_of(k, positive)
    for scale in (1e-280, 1.0, 1e280):
        corr, free = scale * rng.standard_normal(k), np.full(k, opened, np.int64)
        free[rng.permutation(k)[: k // 3]] = 0
        pull = np.where(free != 0, corr if positive else np.abs(corr), 0)
        top = march.hardest(corr, free, numbers)
        ceiling = march.ceiling(top, numbers)
        assert pull.max() <= ceiling <= max(pull.max(), 0) * (1 + 1e-13) + 1e-300
        if pull.max() > 0:
            assert top & numbers == pull.argmax()
        else:
            assert top == 0


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("shape", [(3, 2), (3, 40), (12, 16), (30, 60), (40, 400)])
def test_uncompiled_rows_end_at_their_optimum(shape: tuple[int, int], positive: bool):
    """Of atoms in few dimensions, and of sets that outgrow it; bounds hold wherever rounds end."""
    (d, k), n = shape, 6
    rng = np.random.default_rng(k)
    V = problems.unit(np.abs(rng.standard_normal((k, d))) + rng.random((k, 1)))
    X = rng.standard_normal((n, k)) * (rng.random((n, k)) < 20 / k) @ V
    solver, atoms = all_solvers()["active_set"], Atoms.of(V @ V.T, d)
    batch = RowBatch(X @ V.T, (X**2).sum(axis=1), Rows.blank(n))
    for alpha in (1e-3, 0.1):
        best = None
        for rounds in (1000, 0, 1, 2, 5):
            found = solver.solve_rows(
                atoms, batch, L1(alpha, positive), Limits(1e-9, rounds, False)
            )
            U = found.codes.dense(k)
            value = oracles.lasso_objective(X, V, U, alpha)
            best = value if best is None else best
            assert not (positive and (U < 0).any())
            assert (found.gap >= (value - best) * (1 - 1e-9) - 1e-14 * batch.sq).all()
            assert found.rounds <= rounds
            if rounds == 1000:
                assert found.converged.all()
                assert found.rounds <= 2 * k  # few atoms leave again
                assert (oracles.lasso_gap(X, V, U, alpha, positive) <= 1e-11 * batch.sq).all()
