"""The dictionary's half-step as a function: statistics of the codes and atoms in, atoms out.

With what a code is, it makes the recipe that batch and online learning share.
"""

from __future__ import annotations

from contextlib import nullcontext
from types import ModuleType
from typing import NamedTuple

from gpudict import _check, solvers
from gpudict._array import Array, array_namespace, is_launch_bound, precise
from gpudict.loop import run
from gpudict.penalties import UnitSphere
from gpudict.problem import Problem, choose, penalty_of
from gpudict.quadratic import Quadratic
from gpudict.threads import QUIET

ALONE = 2**28  # multiplications k·k·d of an update up to which BLAS has one thread
MM_STEPS = 19  # they reach where more than three sweeps do, in launches that do not grow with k


class DictionaryStep(NamedTuple):
    """How the atoms are updated: a solver on the sphere, its steps, and the sign."""

    solver: ModuleType
    penalty: UnitSphere
    steps: int

    def __call__(self, q: Quadratic, V: Array) -> Array:
        """Return the updated atoms for the statistics of the codes."""
        xp = array_namespace(V)
        start, (k, d) = xp.matrix_transpose(V), V.shape
        with precise(V), QUIET if k * k * d <= ALONE else nullcontext():
            found = run(self.solver, q, self.penalty, start, stop=None, max_iter=self.steps)
        return xp.matrix_transpose(found.Z)


def dictionary_step(name: str, X: Array, *, positive: bool) -> DictionaryStep:
    """Return the update called 'sweep', 'mm' or 'auto': mm where a launch costs more than work."""
    _check.choice(name, "dictionary_update", ("auto", "sweep", "mm"))
    if name == "auto":
        name = "mm" if is_launch_bound(X) else "sweep"
    steps = MM_STEPS if name == "mm" else 1
    return DictionaryStep(solvers.find(f"sphere_{name}", X), UnitSphere(positive), steps)


class Recipe(NamedTuple):
    """How to learn: k atoms, what a code is, and how the atoms are updated."""

    k: int
    problem: Problem
    update: DictionaryStep

    @property
    def positive(self) -> bool:
        """Whether the atoms are non-negative."""
        return self.update.penalty.positive


def recipe(
    X: Array,
    n_components: int | None,
    *,
    alpha: float | None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
    solver: str = "cd",
    dictionary_update: str = "auto",
    code_tol: float | None = None,
    code_max_iter: int | None = None,
    positive_code: bool = False,
    positive_dict: bool = False,
) -> Recipe:
    """Return the recipe that the parameters of a learner ask for, for data such as X."""
    k = X.shape[1] if n_components is None else _check.count(n_components, "n_components")
    penalty = penalty_of((k, X.shape[1]), alpha, n_nonzero_coefs, target_error, positive_code)
    problem = choose(X, k, penalty, solver=solver, tol=code_tol, max_iter=code_max_iter)
    return Recipe(k, problem, dictionary_step(dictionary_update, X, positive=positive_dict))
