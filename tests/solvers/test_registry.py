"""Who solves what: solvers by name, for a penalty and a place; and what does not fit is refused."""

from __future__ import annotations

import inspect
import pkgutil
import re

import numpy as np
import pytest

import gpudict
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.penalties.contract import CertifiedPenalty
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.penalties.least_squares import LeastSquares
from gpudict.solvers import cuda, host, portable, registry
from gpudict.solvers.base import IterativeSolver, Kind, Place, RowSolver
from gpudict.solvers.registry import all_solvers, find

HERE = np.ones(1)


def test_a_file_is_a_solver():
    """Each is called by its file's name, stands where its place says, and keeps no state."""
    files = {
        (module.name, package)
        for package in (portable, host, cuda)
        for module in pkgutil.iter_modules(package.__path__)
        if not module.ispkg and not module.name.startswith("_")
    }
    assert {name for name, _ in files} == set(all_solvers())
    for name, package in files:
        solver = all_solvers()[name]
        assert solver.name == name
        assert (package is portable) == (solver.place is Place.ANYWHERE)
        assert (package is host) == (solver.place in (Place.HOST, Place.HOST_MANY))
        assert isinstance(solver, RowSolver | IterativeSolver)
        assert solver.summary
        assert solver.fallback is None or all_solvers()[solver.fallback].place is Place.ANYWHERE
        with pytest.raises(AttributeError, match="Solvers have no state: max_iter of"):
            solver.max_iter = 3


@pytest.mark.compiled
def test_what_a_name_stands_for():
    """The fastest that runs: one for exactly this penalty, then one compiled for the place."""
    lasso, pursuit = L1(0.1), Cardinality(3)
    for name, penalty, like, k, want in (
        ("cd", lasso, None, 0, "working_set"),
        ("cd", lasso, HERE, 8, "active_set"),
        ("cd", lasso, HERE, 10**4, "gathered_set"),
        ("gathered_set", lasso, HERE, 8, "gathered_set"),
        ("cd", pursuit, HERE, 8, "batch_omp"),
        ("omp", pursuit, HERE, 8, "batch_omp"),
        ("ols", pursuit, HERE, 8, "batch_ols"),
        ("lars", pursuit, HERE, 8, "homotopy"),
        ("lars", lasso, HERE, 8, "homotopy"),
        ("lars", lasso, HERE, 10**4, "lars"),
        ("cd", pursuit, HERE, 10**4, "gathered_omp"),
        ("omp", pursuit, HERE, 10**4, "gathered_omp"),
        ("ols", pursuit, HERE, 10**4, "gathered_ols"),
        ("fista", lasso, HERE, 8, "fista"),
        ("fista", LeastSquares(), HERE, 8, "least_squares"),
        ("lars", LeastSquares(), HERE, 8, "least_squares"),
        ("sphere_sweep", UnitSphere(), HERE, 8, "sphere_blocks"),
        ("sphere_sweep", UnitBall(), HERE, 8, "sphere_sweep"),
    ):
        assert find(name, penalty, like, k).name == want, (name, want)


class Weighted(L1):
    """A penalty that says that it is an L1."""


class Other(CertifiedPenalty):
    """A penalty that no solver was written for."""

    positive = False
    value = prox = gap = certificate = lambda self, *_: None


@pytest.mark.compiled
def test_a_new_penalty_is_solved_by_those_that_declare_its_kind():
    """And by none that is compiled for another one."""
    assert find("cd", Weighted(0.1), HERE, 8).name == "active_set"

    assert find("cd", Other(), HERE, 8).name == "fista"
    with pytest.raises(ValueError, match="solver='active_set' solves the lasso"):
        find("active_set", Other(), HERE, 8)


def test_what_does_not_fit_is_refused():
    """One sentence names both, what to pass instead, and the solvers that would do."""
    pursuits = ", ".join(map(repr, registry.pursuit_names()))
    for call, said in (
        (
            lambda: find("omp", L1(0.1)),
            "solver='omp' solves pursuits, but alpha came, which asks for the lasso. Pass "
            "n_nonzero_coefs or target_error instead, or one of the solvers 'cd', ",
        ),
        (
            lambda: find("ista", Cardinality(3)),
            "solver='ista' solves the lasso, but n_nonzero_coefs or target_error came, which asks "
            f"for pursuits. Pass alpha instead, or one of the solvers 'cd', {pursuits}.",
        ),
        (
            lambda: find("sgd", L1(0.1)),
            "solver='sgd' is not known. Pass one of: 'cd', ",
        ),
        (
            lambda: find("omp", LeastSquares()),
            "solver='omp' solves pursuits, but alpha came",
        ),
        (lambda: find("least_squares", LeastSquares()), "solver='least_squares' is not known."),
        (lambda: find("sphere_mm", L1(0.1)), "solver='sphere_mm' is not known."),
        (lambda: find("fista", UnitSphere()), "solver='fista' is not known. Pass one of: 'sphere_"),
        (lambda: find(["cd"], L1(0.1)), "solver=['cd'] is not known."),  # type: ignore[arg-type]
        (
            lambda: find("active_set", L1(0.1), HERE, 10**4),
            "solver='active_set' is compiled for arrays on the host and at most 4096 atoms, and "
            "needs numba, and runs nowhere else. Pass one of the solvers 'cd', ",
        ),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            call()


LISTS = {
    "encode": registry.solver_names,
    "learn": registry.solver_names,
    "dict_learning": registry.lasso_names,
    "DictionaryLearning": registry.lasso_names,
    "SparsePCA": registry.lasso_names,
}


@pytest.mark.parametrize("name", LISTS)
def test_docstrings_name_every_solver(name: str):
    doc = inspect.getdoc(getattr(gpudict, name))
    assert "<" not in doc.partition("Examples")[0].replace("<=", "")
    assert all(repr(solver) in doc for solver in LISTS[name]())
    assert max(map(len, doc.splitlines())) <= 100


def test_every_kind_is_there():
    assert {s.kind for s in all_solvers().values()} == set(Kind)
    assert {s.place for s in all_solvers().values()} == set(Place)
