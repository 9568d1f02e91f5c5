"""scikit-learn's names for solvers and what they are told, array-likes, and its warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import numpy as np

from gpudict.arrays import parameters
from gpudict.arrays.door import is_array
from gpudict.solvers.base import Kind
from gpudict.solvers.registry import coders, lasso_names, pursuit_names

Callback = Callable[[Mapping[str, Any]], None]
LASSO = "lasso_"  # what the name of an algorithm begins with where the solver has others too


class Coding(TypedDict, total=False):
    """What a code is, in the keywords of `learn`."""

    solver: str
    alpha: float | None
    n_nonzero_coefs: int | None
    code_max_iter: int


def asarray(x: Any) -> Any:
    """Return x as it is if it is an array of any library, or sparse, else as a NumPy array."""
    return x if is_array(x) or hasattr(x, "toarray") else np.asarray(x)


def start_of(dict_init: Any) -> Any:
    """Return dict_init as an array, or the name of a start, or None."""
    return dict_init if dict_init is None or isinstance(dict_init, str) else asarray(dict_init)


def pursuits() -> tuple[str, ...]:
    """Return the solvers that take a number of atoms, and no weight."""
    return tuple(s.name for s in coders() if s.kind is Kind.PURSUIT and s.name in pursuit_names())


def algorithms() -> tuple[str, ...]:
    """Return what `algorithm` may be: scikit-learn's names, and lasso_NAME for each solver."""
    steps = (s.name for s in coders() if s.kind is Kind.APPROXIMATE)
    return (*(f"{LASSO}{name}" for name in lasso_names()), *pursuit_names(), *steps)


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


def coding_of(X: Any, n_components: int | None, method: str, alpha: float, max_iter: int) -> Coding:
    """Return the keywords of `learn` for a `method`: a solver, and what it is told."""
    parameters.choice(method, "method", methods())
    if method not in pursuits():
        return {"solver": method, "alpha": alpha, "code_max_iter": max_iter}
    parameters.number(alpha, "alpha")
    d = X.shape[-1]
    most = default_sparsity(n_components or d, d)
    return {"solver": method, "alpha": None, "n_nonzero_coefs": most}


def warn(what: str) -> None:
    """Give scikit-learn's ConvergenceWarning."""
    from sklearn.exceptions import ConvergenceWarning

    advice = "Raise the limit of iterations or alpha, scale the features, or pass float64."
    warnings.warn(f"{what} {advice}", ConvergenceWarning, stacklevel=_callers())


def _callers() -> int:
    """Return the stack level, for `warn`, of the line that called the library."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(("gpudict.", "sklearn.")):
        level, frame = level + 1, frame.f_back
    return level
