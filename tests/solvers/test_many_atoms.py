"""Pursuits over many atoms, with their cosines and without, and how these and the Gram are made."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.quadratic import least_squares
from gpudict.solvers.base import Atoms, Limits, RowBatch
from gpudict.solvers.host import _gram, gathered_omp
from gpudict.solvers.loop import run
from gpudict.solvers.registry import all_solvers, portable_solver
from gpudict.solvers.stopping import exhausted
from tests.support.problems import unit


def pursued(name, X, atoms, penalty, max_iter=100):
    """Return what the compiled solver of many atoms makes of rows."""
    batch = RowBatch(None, (X**2).sum(axis=1), Rows.blank(len(X)), X)
    limits = Limits(0, max_iter, False)
    return all_solvers()[f"gathered_{name}"].solve_rows(atoms, batch, penalty, limits)


@pytest.mark.slow  # to compile it
@pytest.mark.compiled
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", ["omp", "ols"])
def test_pursuits_are_the_portable_ones(name: str, positive: bool, monkeypatch: pytest.MonkeyPatch):
    """Code for code, in blocks of a few rows: of several tiles, any norms, rests that are rounding.

    Of two equal atoms the first is taken, an atom of zeros never.
    """
    rng = np.random.default_rng(0)
    V = unit(rng.standard_normal((600, 20))) * np.geomspace(1e-2, 1e2, 600)[:, None]
    V[500], V[7] = V[3], 0
    X = rng.standard_normal((30, 20))
    X[0], X[1:4] = 0, V[[3, 40, 560]] + 1e-7 * V[[41, 3, 300]]
    q, atoms = least_squares(X, V), Atoms.many(V)
    monkeypatch.setattr(gathered_omp, "NUMBERS", 600 * 7)
    assert _gram.with_cosines(atoms, 10, 1).cosines is None
    with_cosines = _gram.with_cosines(atoms, 100, 1)
    assert with_cosines.cosines is not None
    for penalty in (Cardinality(6, 0.0, positive), Cardinality(20, 2.0, positive)):
        Z = run(portable_solver(name), q, penalty, 0 * q.cov, stop=exhausted, max_iter=100).Z
        error = ((X - Z @ V) ** 2).sum(axis=1)
        for given in (atoms, with_cosines):
            found = pursued(name, X, given, penalty)
            kept = ~np.isnan(found.gap)
            assert kept[:20].any()
            U = found.codes.dense(600)
            np.testing.assert_allclose((U @ V)[kept], (Z @ V)[kept], atol=1e-8)
            np.testing.assert_array_equal(U[kept] != 0, Z[kept] != 0)
            assert not U[:, [7, 500]].any()
            if penalty.target:
                np.testing.assert_array_equal(found.converged[kept], error[kept] <= 2)
            pairs = zip(found.codes.ends, found.codes.ends[1:], strict=False)
            assert all((np.diff(found.codes.columns[a:b]) > 0).all() for a, b in pairs)
    V[:, 10:] = 0  # so that what is left of x pulls no atom
    whole = pursued(name, X, Atoms.many(V), Cardinality(20, 0.0, positive))
    assert whole.rounds <= 10
    few = pursued(name, X, atoms, Cardinality(6, 0.0, positive), max_iter=2)
    assert few.rounds == 2
    assert not few.converged[1:].any()


@pytest.mark.compiled
def test_a_gram_is_made_block_by_block(monkeypatch: pytest.MonkeyPatch):
    """The same bits with any number of threads, and cosines of atoms of any norm."""
    V = np.random.default_rng(0).standard_normal((30, 5)) * np.geomspace(1e-3, 1e3, 30)[:, None]
    V[4] = 0
    monkeypatch.setattr(_gram, "MUCH", 0)
    monkeypatch.setattr(_gram, "BLOCK", 8)
    monkeypatch.setattr(_gram, "ROWS", 7)
    one, three = (_gram.gram_of(V, workers) for workers in (1, 3))
    np.testing.assert_allclose(one, V @ V.T, rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(one, one.T)
    atoms = _gram.with_angles(Atoms.of(one, 5), V, 3)
    assert atoms.cosines is not None
    W = np.delete(V, 4, axis=0)
    want = np.insert(np.insert(unit(W) @ unit(W).T, 4, 0, axis=0), 4, 0, axis=1)
    np.testing.assert_allclose(atoms.cosines, np.pad(want, ((0, 0), (0, 34))), atol=1e-6)
    np.testing.assert_allclose(atoms.units @ atoms.units.T, np.pad(want, (0, 34)), atol=1e-6)
