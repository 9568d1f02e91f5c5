"""Coding with a dictionary: what SparseCoder and the two dictionary learners share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.utils.validation import check_is_fitted

from gpudict.arrays import check, parameters
from gpudict.arrays.door import Array, array_namespace, precise
from gpudict.arrays.home import at_home
from gpudict.arrays.per_entry import observed
from gpudict.arrays.sources.by_batches import by_batches
from gpudict.coding.alpha.target import aim_of
from gpudict.coding.request import Request
from gpudict.estimators._base import Estimator
from gpudict.estimators._score import Scored
from gpudict.translation.coding import encoded
from gpudict.translation.words import algorithms, pursuits


@dataclass(eq=False, repr=False, kw_only=True)
class Coder(Scored, Estimator):
    """Transforms data to codes, and codes back to data."""

    transform_algorithm: str = "omp"
    transform_n_nonzero_coefs: int | None = None
    transform_alpha: float | None = None
    split_sign: bool = False
    n_jobs: int | None = None
    positive_code: bool = False
    transform_max_iter: int = 1000
    target_nonzeros: float | None = None
    explained_variance: float | None = None
    missing: str | None = None

    @by_batches
    @at_home
    def transform(
        self, X: Any, y: Any = None, *, return_gap: bool = False, sparse_output: bool = False
    ) -> Any:
        """Code the rows of X sparsely over the atoms, by `transform_algorithm`.

        Parameters
        ----------
        X : array (n, d)
            Data, of the library and device that the estimator was fitted with, or what `stream`
            takes.
        y : ignored
            Not used, present for scikit-learn's conventions.
        sparse_output : bool
            Give the codes as a sparse matrix, as `encode` does; not with `split_sign`.
        return_gap : bool
            Whether to return, beside the codes, a bound on how far each is from its optimum.

        Returns
        -------
        code : array (n, k), or (n, 2k) with `split_sign`
            Of the dtype of X.
        gap : array (n,)
            Only with return_gap: objective − optimum is at most this; inf for pursuits.
        """
        check_is_fitted(self)
        X = self._checked(X, "transform")
        if sparse_output and self.split_sign:
            raise ValueError(
                "sparse_output=True came with split_sign=True, and split codes are dense. Leave "
                "one of the two out."
            )
        X, weight = observed(X, None, self.missing)
        found = encoded(
            Request(X, self._atoms(X), weight=weight),
            parameters.choice(self.transform_algorithm, "transform_algorithm", algorithms()),
            n_nonzero_coefs=self.transform_n_nonzero_coefs,
            alpha=self._alpha(),
            max_iter=self.transform_max_iter,
            n_jobs=self.n_jobs,
            positive=self.positive_code,
            sparse_output=sparse_output,
        )
        code = split(found.Z) if self.split_sign else found.Z
        return (code, found.gap) if return_gap else code

    @by_batches
    @at_home
    def inverse_transform(self, X: Any) -> Array:
        """Return the data that codes stand for: code · dictionary.

        Parameters
        ----------
        X : array (n, k), or (n, 2k) with `split_sign`
            Codes.

        Returns
        -------
        array (n, d)
            Of the library, device and dtype of the codes.
        """
        check_is_fitted(self)
        code = self._checked_codes(X)
        V = self._atoms(code)
        width = V.shape[0] * (2 if self.split_sign else 1)
        if code.shape[1] != width:
            raise ValueError(
                "The number of components in the code is different from the number of components "
                f"in the dictionary. Expected {width}, got {code.shape[1]}. Pass codes from "
                "transform, and do not change split_sign between the two."
            )
        with precise(code):
            return (joined(code) if self.split_sign else code) @ V

    def _atoms(self, X: Array) -> Array:
        """Return the dictionary in the place and dtype of X."""
        return check.atoms(self.components_, "components_", like=X)

    @property
    def _missing(self) -> str | None:
        return self.missing

    def _alpha(self) -> float | None:
        """Return the alpha of the transform."""
        return checked_alpha(self.transform_alpha)

    def _check_target(self) -> None:
        """Raise if a fit can't have been for the target that is asked for."""
        if self._aims and self._fitted is not None:
            if not hasattr(self, "alpha_"):
                raise ValueError("fitted has no alpha_, which a fit finds for a target")
            aim_of(self.target_nonzeros, self.explained_variance, self._fitted.shape)
            self._fit_alpha()

    def _fit_alpha(self) -> dict[str, Any]:
        """Return alpha, or the target in its place, as a fit takes them; raise if both came."""
        return fit_alpha(self)

    def _keep_alpha(self, alpha: float | None) -> None:
        """Keep the alpha of a fit; there is none of a pursuit."""
        if alpha is not None:
            self.alpha_ = float(alpha)
        elif hasattr(self, "alpha_"):
            del self.alpha_

    @property
    def _aims(self) -> bool:
        """Whether alpha is found for a target."""
        return not self.target_nonzeros is self.explained_variance is None

    @property
    def _found(self) -> bool:
        """Whether alpha was found for a target."""
        return self._aims and hasattr(self, "alpha_")

    @property
    def _n_features_out(self) -> int:
        """Number of features that `transform` gives."""
        return self._n_atoms * (2 if self.split_sign else 1)

    @property
    def _n_atoms(self) -> int:
        return int(self.components_.shape[0])


def split(code: Array) -> Array:
    """Return the positive and the negative part of codes (n, k) side by side, (n, 2k)."""
    xp = array_namespace(code)
    zero = xp.zeros_like(code)
    return xp.concat([xp.maximum(code, zero), xp.maximum(-code, zero)], axis=1)


def joined(parts: Array) -> Array:
    """Return the codes (n, k) whose parts are side by side, the inverse of `split`."""
    k = parts.shape[1] // 2
    return parts[:, :k] - parts[:, k:]


def transform_alpha(learner: Any) -> float | None:
    """Return transform_alpha, or alpha where none is given, but for a pursuit, which needs none."""
    given = checked_alpha(learner.transform_alpha)
    if given is None and learner.transform_algorithm not in pursuits():
        weight: float = learner.alpha_ if learner._found else learner.alpha
        return weight
    return given


def fit_alpha(learner: Any) -> dict[str, Any]:
    """Return alpha, or the target in its place, as `learn` takes them.

    Raises
    ------
    ValueError
        Both came, or a target for a pursuit.
    """
    names = ("target_nonzeros", "explained_variance")
    targets = {name: getattr(learner, name) for name in names}
    if not learner._aims:
        return {"alpha": learner.alpha, **targets}
    name = next(name for name, value in targets.items() if value is not None)
    if learner.fit_algorithm in pursuits():
        raise ValueError(
            f"{name} came with fit_algorithm={learner.fit_algorithm!r}, a pursuit, which is told a "
            "number of atoms, and no alpha. Pass fit_algorithm='cd', or leave the target out."
        )
    if learner.alpha != 1:
        raise ValueError(
            f"Both {name} and alpha={learner.alpha} came, and alpha is found for a target. Pass "
            "one of the two."
        )
    return {"alpha": None, **targets}


def checked_alpha(alpha: Any) -> float | None:
    """Return transform_alpha, if it is None or a number that is not negative."""
    return None if alpha is None else parameters.number(alpha, "transform_alpha")
