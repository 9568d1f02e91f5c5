"""scikit-learn's names for solvers and what they are told, starts, and its warning."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from gpudict.arrays import parameters
from gpudict.arrays.plain import array_like
from gpudict.arrays.saying import say
from gpudict.solvers.base import Kind
from gpudict.solvers.registry import coders, lasso_names, pursuit_names

Callback = Callable[[Mapping[str, Any]], None]
ADVICE = "Raise the limit of iterations or alpha, scale the features, or pass float64."
LASSO = "lasso_"  # what the name of an algorithm begins with where the solver has others too


class Coding(TypedDict, total=False):
    """What a code is, in the keywords of `learn`."""

    solver: str
    alpha: float | None
    n_nonzero_coefs: int | None
    code_max_iter: int


def start_of(value: Any, name: str) -> Any:
    """Return a start as an array, or its name, or None."""
    return value if value is None or isinstance(value, str) else array_like(value, name)


@functools.cache
def pursuits() -> tuple[str, ...]:
    """Return the solvers that take a number of atoms, and no weight."""
    return tuple(s.name for s in coders() if s.kind is Kind.PURSUIT and s.name in pursuit_names())


@functools.cache
def algorithms() -> tuple[str, ...]:
    """Return what `algorithm` may be: scikit-learn's names, and lasso_NAME for each solver."""
    steps = (s.name for s in coders() if s.kind is Kind.APPROXIMATE)
    return (*(f"{LASSO}{name}" for name in lasso_names()), *pursuit_names(), *steps)


@functools.cache
def methods() -> tuple[str, ...]:
    """Return what `method` may be."""
    return (*lasso_names(), *pursuits())


def algorithm_of(method: str) -> str:
    """Return the algorithm that codes as a method does."""
    return method if method in pursuits() else f"{LASSO}{method}"


def is_pursuit(algorithm: str) -> bool:
    """Whether an algorithm is told a number of atoms."""
    return algorithm in pursuit_names()


def default_sparsity(n_components: int, n_features: int) -> int:
    """Return the non-zeros of a pursuit that was told nothing: scikit-learn's d / 10."""
    return min(max(n_features // 10, 1), n_components)


def coding_of(
    X: Any,
    n_components: int | None,
    method: str,
    alpha: float | None,
    max_iter: int,
    n_nonzero: int | None = None,
) -> Coding:
    """Return the keywords of `learn` for a `method`: a solver, and what it is told."""
    parameters.choice(method, "method", methods())
    if method not in pursuits():
        return {"solver": method, "alpha": alpha, "code_max_iter": max_iter}
    parameters.number(alpha, "alpha")
    d = X.shape[-1]
    most = default_sparsity(n_components or d, d)
    if n_nonzero is not None:
        most = parameters.count(n_nonzero, "fit_n_nonzero_coefs")
    return {"solver": method, "alpha": None, "n_nonzero_coefs": most}


def warn(what: str, advice: str = ADVICE) -> None:
    """Give scikit-learn's ConvergenceWarning."""
    from sklearn.exceptions import ConvergenceWarning

    say(f"{what} {advice}", ConvergenceWarning)
