"""What the three functions share: names, array-likes, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gpudict import _check, solvers
from gpudict._array import is_array

Callback = Callable[[Mapping[str, Any]], None]

PLAIN = ("lars", "omp", "threshold")  # algorithms whose name has no lasso_ before it


def asarray(x: Any) -> Any:
    """Return x as it is if it is an array of any library, or sparse, else as a NumPy array."""
    return x if is_array(x) or hasattr(x, "toarray") else np.asarray(x)


def start_of(dict_init: Any) -> Any:
    """Return dict_init as an array, or the name of a start, or None."""
    return dict_init if dict_init is None or isinstance(dict_init, str) else asarray(dict_init)


def algorithms() -> tuple[str, ...]:
    """Return what `algorithm` may be: scikit-learn's names, and lasso_NAME for each solver."""
    others = (*solvers.PURSUITS, "threshold", "least_squares")
    lasso = (name for name in solvers.names() if name not in others)
    return (*(f"lasso_{name}" for name in lasso), *PLAIN)


def methods() -> tuple[str, ...]:
    """Return what `method` may be."""
    lasso = (name.removeprefix("lasso_") for name in algorithms() if name.startswith("lasso_"))
    return (*lasso, "omp")


def default_sparsity(n_components: int, n_features: int) -> int:
    """Return the non-zeros of a pursuit that was told nothing: scikit-learn's d / 10."""
    return min(max(n_features // 10, 1), n_components)


def coding(
    X: Any, n_components: int | None, method: str, alpha: float, max_iter: int
) -> dict[str, Any]:
    """Return the keywords of `learn` for a `method`: a solver, and what it is told."""
    _check.choice(method, "method", methods())
    if method != "omp":
        return {"solver": method, "alpha": alpha, "code_max_iter": max_iter}
    _check.number(alpha, "alpha")
    d = X.shape[-1]
    return {"solver": "omp", "n_nonzero_coefs": default_sparsity(n_components or d, d)}


def warn(what: str) -> None:
    """Give scikit-learn's ConvergenceWarning."""
    from sklearn.exceptions import ConvergenceWarning

    advice = "Raise the limit of iterations or alpha, scale the features, or pass float64."
    warnings.warn(f"{what} {advice}", ConvergenceWarning, stacklevel=3)
