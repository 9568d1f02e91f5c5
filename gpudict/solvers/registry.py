"""Which solvers there are, and which of them a name stands for: a file each, found by its name.

`cd`, which is no file, is the fastest solver for the penalty and the arrays at hand. Other names,
too, stand for a faster form of the same where one runs.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from typing import Any

from gpudict.arrays import parameters
from gpudict.arrays.door import Array
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.contract import Penalty
from gpudict.solvers import cuda, host, portable
from gpudict.solvers.base import EVERY_NAME, IterativeSolver, Kind, Place, Solver
from gpudict.solvers.places import described, places_of

FASTEST = "cd"
ANYWHERE = (Place.ANYWHERE,)
MANY = (Place.HOST_MANY, Place.CUDA_MANY)


@functools.cache
def all_solvers() -> dict[str, Solver[Any]]:
    """Return every solver by its name."""
    files = (
        f"{package.__name__}.{module.name}"
        for package in (portable, host, cuda)
        for module in pkgutil.iter_modules(package.__path__)
        if not module.ispkg and not module.name.startswith("_")
    )
    solvers = [importlib.import_module(file).SOLVER for file in files]
    return {solver.name: solver for solver in sorted(solvers, key=lambda s: s.name)}


def portable_solver(name: str) -> IterativeSolver[Any, Any]:
    """Return the solver of exactly that name, which runs anywhere."""
    solver = all_solvers()[name]
    assert isinstance(solver, IterativeSolver)
    return solver


@functools.cache
def coders() -> tuple[Solver[Any], ...]:
    """Return the solvers of codes that are chosen by name."""
    return tuple(
        s
        for s in all_solvers().values()
        if s.kind is not Kind.UPDATE and EVERY_NAME not in s.stands_for
    )


@functools.cache
def solver_names() -> tuple[str, ...]:
    """Return what `solver` may be, `cd` first."""
    return (FASTEST, *(s.name for s in coders()))


@functools.cache
def lasso_names() -> tuple[str, ...]:
    """Return the names of the solvers that solve the lasso to its certificate, `cd` first."""
    return (FASTEST, *(s.name for s in coders() if s.kind is Kind.CERTIFIED))


@functools.cache
def pursuit_names() -> tuple[str, ...]:
    """Return the names of the solvers that run a pursuit, on any array."""
    return tuple(s.name for s in coders() if s.solves(Cardinality) and s.place is Place.ANYWHERE)


@functools.cache
def update_names() -> tuple[str, ...]:
    """Return the names of the solvers that update a dictionary, on any array."""
    return tuple(n for n in _updates() if all_solvers()[n].place is Place.ANYWHERE)


@functools.cache
def _updates() -> tuple[str, ...]:
    return tuple(s.name for s in all_solvers().values() if s.kind is Kind.UPDATE)


def find(
    name: str, penalty: Penalty, like: Array | None = None, k: int = 0, *, weighted: bool = False
) -> Solver[Any]:
    """Return the solver that a name stands for, for a penalty, arrays such as `like` and k atoms.

    One that takes weights of entries if they are `weighted`: no Gram is shared then, as of many
    atoms.

    Raises
    ------
    ValueError
        There is no such solver, or none for this penalty or this array; the message says which.
    """
    known = solver_names() if penalty.separable else _updates()
    name = parameters.choice(name, "solver", known)
    here = ANYWHERE if like is None else places_of(like, sys.maxsize if weighted else k)
    if penalty.reduces:  # those for many atoms take them as they are
        here = tuple(place for place in here if place not in MANY)
    return _found(name, penalty.form, penalty.asked_by, here, weighted)


@functools.cache
def _found(
    name: str, penalty: type[Penalty], asked_by: str, here: tuple[Place, ...], weighted: bool
) -> Solver[Any]:
    """Return the solver of that name for a type of penalty in one of some places, the best first.

    Of those that fit, one that stands for every name of its problem is taken before all others,
    then one for exactly this type of penalty, then that of the best place.
    """
    every = all_solvers().values()
    named = [s for s in every if name in (s.name, *s.stands_for)]
    fitting = [s for s in named if s.solves(penalty)]
    if any(penalty.problem == p.problem for s in named for p in s.penalties):
        fitting += [s for s in every if EVERY_NAME in s.stands_for and s.solves(penalty)]
    if not fitting:
        raise ValueError(_misfit(name, named, penalty, asked_by))
    if weighted and not (fitting := [s for s in fitting if s.weighted]):
        raise ValueError(_unweighted(name, penalty))
    running = [s for s in fitting if s.place in here]
    if not running:
        raise ValueError(_elsewhere(name, named[0].place, penalty))

    def rank(s: Solver[Any]) -> tuple[int, ...]:
        return EVERY_NAME not in s.stands_for, penalty not in s.penalties, here.index(s.place)

    return min(running, key=rank)


def _misfit(name: str, named: list[Solver[Any]], penalty: type[Penalty], asked_by: str) -> str:
    """Say that a solver and a penalty do not fit, and what to pass instead."""
    solved, asked = (
        " and ".join(dict.fromkeys(getattr(p, what) for s in named for p in s.penalties))
        for what in ("problem", "asked_by")
    )
    return (
        f"solver={name!r} solves {solved}, but {asked_by} came, which asks for "
        f"{penalty.problem}. Pass {asked} instead, or one of the solvers {_anywhere(penalty)}."
    )


def _unweighted(name: str, penalty: type[Penalty]) -> str:
    """Say that a solver takes no weights of entries, and what to pass instead."""
    takers = [s for s in all_solvers().values() if s.weighted and s.solves(penalty)]
    others = ", ".join(repr(s.name) for s in takers if s.place is Place.ANYWHERE)
    advice = f"Pass solver={FASTEST!r}, or one of {others}" if others else "Pass an alpha above 0"
    return (
        f"Entries of X have weights or are missing, and solver={name!r} does not take that for "
        f"{penalty.problem}. {advice}."
    )


def _elsewhere(name: str, place: Place, penalty: type[Penalty]) -> str:
    """Say that a solver does not run for an array, and what to pass instead."""
    return (
        f"solver={name!r} is compiled for {described(place)}, and runs nowhere else. "
        f"Pass one of the solvers {_anywhere(penalty)}."
    )


def _anywhere(penalty: type[Penalty]) -> str:
    """Return the names of the solvers that take a penalty on any array."""
    takers = [s for s in all_solvers().values() if s.solves(penalty)]
    fastest = [FASTEST for s in takers if FASTEST in s.stands_for][:1]
    chosen = [
        s.name for s in takers if s.place is Place.ANYWHERE and EVERY_NAME not in s.stands_for
    ]
    return ", ".join(map(repr, fastest + chosen))
