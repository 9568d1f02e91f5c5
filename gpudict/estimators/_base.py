"""What the five estimators share: input as scikit-learn checks it, and everything follows X.

What is not an array of another library (NumPy, lists, DataFrames) goes through scikit-learn's own
checks; an array of another library is checked where it is. Parameters are fields of a dataclass, so
each is named once, and `__init__` does nothing but keep them, as scikit-learn asks.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_array, validate_data

from gpudict.arrays import check
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    device,
    float64_of,
    is_array,
    is_numpy,
    same_place,
    to_host,
)
from gpudict.arrays.home import at_home
from gpudict.arrays.per_entry import observed
from gpudict.arrays.plain import array_like, values
from gpudict.estimators._exchange import from_sklearn, to_sklearn
from gpudict.estimators._files import save
from gpudict.estimators._naming import naming
from gpudict.estimators._turns import in_turn


@dataclass(eq=False, repr=False)
class Estimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Input, place and persistence of an estimator; subclasses fit and transform."""

    def _checked(self, X: Any, method: str, *, reset: bool = False) -> Array:
        """Return X as a finite float array; note its features, or compare them, as `reset` says."""
        if is_chunked(X):  # chunks are checked where they are
            self._check_output(X, method)
            X = chunked(X).like[:1, :]
        given, X = X, as_numbers(X)
        if foreign(X):
            X = check.samples(X, finite=False)
            validate_data(self, given, reset=reset, skip_check_array=True)
        else:
            finite = True if self._missing is None else "allow-nan"
            options = {"dtype": [np.float64, np.float32], "ensure_all_finite": finite}
            with naming("X"):
                X = validate_data(self, X, reset=reset, **options)
        check.squares(observed(X, None, self._missing)[0], "X", wide=not reset)
        self._check_output(X, method)
        if not reset:
            self._check_place(X, method)
        return X

    def _checked_codes(self, X: Any) -> Array:
        """Return codes or scores as a finite float array, where the estimator is."""
        X = as_numbers(X)
        if foreign(X):
            X = check.matrix(X, "X")
        else:
            with naming("X"):
                X = check_array(X, dtype=[np.float64, np.float32])
        self._check_place(X, "inverse_transform")
        return X

    def _check_output(self, X: Array, method: str) -> None:
        """Raise if DataFrames are asked for, which hold NumPy's arrays only."""
        container = _get_output_config("transform", self)["dense"]
        if "transform" in method and container != "default" and not is_numpy(X):
            where = (
                "rows in chunks"
                if is_chunked(X)
                else f"an array of {array_namespace(X).__name__} on {device(X)}"
            )
            raise ValueError(
                f"set_output(transform={container!r}) was called, but X is {where}, and a "
                "DataFrame holds NumPy's. Call set_output(transform='default'), or pass X as a "
                "NumPy array."
            )

    def _check_place(self, X: Array, method: str) -> None:
        """Raise if X is not where the estimator was fitted."""
        fitted = self._fitted
        if fitted is None:
            return
        ours, theirs = array_namespace(fitted), array_namespace(X)
        if ours is theirs and same_place(fitted, X):
            return
        raise ValueError(
            f"Inputs passed to {type(self).__name__}.{method}() must use the same namespace and "
            f"the same device as those passed to fit(): {ours.__name__} on {device(fitted)} was "
            f"fitted, and {theirs.__name__} on {device(X)} came. Move X there, or the estimator to "
            "X with estimator.to(X)."
        )

    def _moved(self, value: Any, X: Array, name: str) -> Any:
        """Return an array that is a parameter in the place of X; a start's name or None as is."""
        if value is None or (name == "dict_init" and isinstance(value, str)):
            return value
        value = check.matrix(array_like(value, name), name, finite=False)
        there = array_namespace(value) is array_namespace(X) and same_place(value, X)
        return value if there else asarray_like(to_host(value), X)

    def _given(self, names: str) -> dict[str, Any]:
        """Return the parameters of these names, as keywords."""
        return {name: getattr(self, name) for name in names.split()}

    @property
    def _missing(self) -> str | None:
        """What stands for missing entries of X, where an estimator takes them."""
        return None

    @property
    def _fitted(self) -> Array | None:
        """An array of the fitted estimator, whose place is the estimator's, or None."""
        return getattr(self, "components_", None)

    @in_turn
    @at_home
    def to(self, like: Array) -> Self:
        """Return a copy whose fitted arrays are in the library and on the device of `like`.

        Parameters
        ----------
        like : array
            Any array of the library and device to move to. Dtypes stay.

        Returns
        -------
        self
            A copy; what was not fitted is shared with this estimator.
        """
        moved = copy.copy(self)
        for name, value in vars(self).items():
            if name.endswith("_"):
                setattr(moved, name, placed(value, like))
        return moved

    @in_turn
    def save(self, path: Any) -> None:
        """Write parameters and fitted state to a file of the safetensors format, without pickle.

        `gpudict.load` reads it, in any array library. Parameters that are no data, a callback,
        can't be stored: they are left out with a warning.

        Parameters
        ----------
        path : str or path-like
            The file to write; `.safetensors` is the usual ending.
        """
        save(self, path)

    @in_turn
    def __getstate__(self) -> Any:
        """Return what is pickled or copied, between two steps of learning."""
        return super().__getstate__()

    def to_sklearn(self) -> Any:
        """Return scikit-learn's estimator of the same name, fitted if this one is, in NumPy.

        Returns
        -------
        object
            An estimator of `sklearn.decomposition`.
        """
        return to_sklearn(self)

    @classmethod
    def from_sklearn(cls, estimator: Any, *, like: Array | None = None) -> Self:
        """Return this estimator from scikit-learn's of the same name, fitted if that one is.

        Parameters
        ----------
        estimator : object
            The estimator of `sklearn.decomposition`.
        like : array, optional
            The fitted arrays get its library and device; NumPy's by default.

        Returns
        -------
        self
            An estimator of this class.
        """
        made: Self = from_sklearn(cls, estimator, like)
        return made

    def __sklearn_tags__(self) -> Any:
        """Declare arrays of any library, sparse matrices, and that float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        tags.input_tags.allow_nan = self._missing is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def placed(value: Any, like: Array) -> Any:
    """Return an array, or each array of a tuple, where `like` is; anything else as it is."""
    if is_array(value) and not is_names(value) and not is_chunked(value):
        there = array_namespace(value) is array_namespace(like) and same_place(value, like)
        return value if there else asarray_like(to_host(value), like, matching(value, like))
    if isinstance(value, tuple):
        return type(value)(*(placed(v, like) for v in value))
    return value


def is_names(value: Any) -> bool:
    """Whether the value is scikit-learn's array of feature names, which stays on the host."""
    return is_numpy(value) and value.dtype.hasobject


def matching(value: Array, like: Array) -> Any:
    """Return the dtype of the library of `like` that has the name of the dtype of `value`."""
    xp, name = array_namespace(like), str(value.dtype).rpartition(".")[2]
    return (float64_of(like) or xp.float32) if name == "float64" else getattr(xp, name)


def foreign(X: Any) -> bool:
    """Whether X is an array of another library than NumPy, whose checks are not scikit-learn's."""
    return is_array(X) and not is_numpy(X)


def as_numbers(X: Any) -> Any:
    """Return X as scikit-learn may check it, if it is of a kind that stands for numbers.

    A frame stays one, for its names, and complex numbers, for scikit-learn's own sentence.
    """
    if hasattr(X, "columns") and hasattr(X, "shape"):
        values(X, "X")
        array_like(X[:0], "X")
        return X
    return X if getattr(getattr(X, "dtype", None), "kind", "") == "c" else array_like(X, "X")
