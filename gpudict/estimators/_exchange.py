"""Fitted models to and from scikit-learn: the same names, in NumPy there and anywhere here.

Arrays are copied: scikit-learn's `partial_fit` writes into its own.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from gpudict.arrays.door import Array, is_array, to_host
from gpudict.learning.records import State
from gpudict.objective.quadratic import Quadratic
from gpudict.translation.words import pursuits

FITTED = (
    "components_",
    "error_",
    "mean_",
    "n_components_",
    "n_features_in_",
    "feature_names_in_",
    "n_iter_",
    "n_steps_",
)
FIT = ("fit_algorithm", "method")  # the parameters that name the solver of a fit


def to_sklearn(estimator: Any) -> Any:
    """Return scikit-learn's estimator with these parameters and this fitted state."""
    import sklearn.decomposition

    if getattr(estimator, "missing", None) is not None:
        raise ValueError(
            "missing='nan' has no counterpart in scikit-learn, which takes no NaN here. Set "
            "missing=None before the exchange, if that is what you want there."
        )
    theirs = getattr(sklearn.decomposition, type(estimator).__name__)
    given = {name: getattr(estimator, name) for name in theirs._get_param_names()}
    if getattr(estimator, "_found", False):
        given["alpha" if "alpha" in given else "transform_alpha"] = estimator.alpha_
    made = theirs(**{name: _parameter(name, value) for name, value in given.items()})
    for name, value in _fitted(estimator).items():
        setattr(made, name, copied(value))
    if hasattr(made, "error_"):
        made.error_ = made.error_.tolist()
    if hasattr(estimator, "past_"):
        made._A, made._B = copied(estimator._A), copied(estimator._B)
        made._random_state = copy.deepcopy(estimator.rng_)
        made._fit_algorithm = f"lasso_{made.fit_algorithm}"
    return made


def from_sklearn(kind: Any, estimator: Any, like: Array | None) -> Any:
    """Return the estimator of our kind with the parameters and fitted state of scikit-learn's."""
    if type(estimator).__name__ != kind.__name__:
        raise TypeError(
            f"{kind.__name__}.from_sklearn needs scikit-learn's {kind.__name__}, but a "
            f"{type(estimator).__name__} came. Call from_sklearn of the class of that name."
        )
    made = kind(**(estimator.get_params(deep=False) | _no_callback(kind)))
    for name, value in _fitted(estimator).items():
        setattr(made, name, np.asarray(value) if isinstance(value, list) else copied(value))
    if hasattr(estimator, "_A"):
        A, B = copied(estimator._A), copied(estimator._B)
        past, steps = Quadratic(B, np.zeros_like(B[:, 0]), A), int(estimator.n_steps_)
        made.past_ = State.of_sums(made.components_, past, steps, estimator.batch_size)
        made.rng_ = copy.deepcopy(estimator._random_state)
        made.history_, made.converged_ = [], True
    return made if like is None else made.to(like)


def copied(value: Any) -> Any:
    """Return an array as a new one of NumPy's, anything else as it is."""
    return np.array(to_host(value)) if is_array(value) and np.ndim(value) else value


def _fitted(estimator: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(estimator).items() if name in FITTED}


def _no_callback(kind: Any) -> dict[str, None]:
    """A callback gets a mapping here and a loop's local names there: it can't be exchanged."""
    return {"callback": None} if "callback" in kind._get_param_names() else {}


def _parameter(name: str, value: Any) -> Any:
    """Return a parameter in the words of scikit-learn."""
    if name in FIT:
        return _solver(name, value, ("cd", "lars"), "")
    if name == "transform_algorithm":
        known = ("lasso_cd", "lasso_lars", "lars", "omp", "threshold")
        return _solver(name, value, known, "lasso_")
    if name == "callback" or (name == "dict_init" and isinstance(value, str)):
        return None
    return to_host(value) if is_array(value) else value


def _solver(parameter: str, name: str, known: tuple[str, ...], prefix: str) -> str:
    """Return the solver's name, or that of coordinate descent for another solver of the lasso."""
    if name in pursuits() and name not in known:
        other = "omp" if "omp" in known else "cd"
        raise ValueError(
            f"{parameter}={name!r} has no counterpart in scikit-learn, which "
            f"{'has no such pursuit' if other == 'omp' else 'fits with the lasso only'}. Set "
            f"{parameter}={other!r} before the exchange, if that is what you want there."
        )
    return name if name in known else f"{prefix}cd"
