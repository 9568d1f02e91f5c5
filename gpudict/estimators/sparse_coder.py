"""`SparseCoder`: codes with a dictionary that is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from sklearn.exceptions import NotFittedError

from gpudict.arrays import check
from gpudict.arrays.door import Array
from gpudict.arrays.home import at_home
from gpudict.arrays.plain import array_like
from gpudict.coding.alpha.sample import alpha_for
from gpudict.coding.alpha.target import aim_of
from gpudict.coding.asked import Asked
from gpudict.estimators._coder import Coder
from gpudict.learning.parts import elsewhere, stands_for
from gpudict.solvers.docstrings import documented
from gpudict.solvers.registry import lasso_names
from gpudict.translation.words import LASSO, algorithms


@documented(algorithms=algorithms)
@dataclass(eq=False, repr=False)
class SparseCoder(Coder):
    """Sparse coding with a fixed dictionary: X ≈ code · dictionary.

    `sklearn.decomposition.SparseCoder` on any array library: its parameters, attributes and
    methods. It needs no `fit`, and moves its dictionary to the X that it is given; once fitted, it
    takes data of that library and device only.

    Parameters
    ----------
    dictionary : array (k, d)
        Atoms in rows, of any library, or a sequence of sequences.
    transform_algorithm : str
        Solver of the codes, as `algorithm` of `sparse_encode`; 'lasso_cd' is the fastest certified
        one. One of <algorithms>.
    transform_n_nonzero_coefs : int, optional
        The non-zeros of 'lars', 'omp' and 'ols'; max(1, d // 10) by default.
    transform_alpha : float, optional
        The weight of ‖u‖₁, or the threshold of 'threshold'; 1 by default. For 'omp' and 'ols', if
        given and there is no transform_n_nonzero_coefs, the squared error to reach.
    split_sign : bool
        Whether to give the positive and the negative parts of the codes side by side.
    n_jobs : int, optional
        Threads for NumPy arrays: None as many as BLAS would use, -1 all.
    positive_code : bool
        Ask for codes ≥ 0.
    transform_max_iter : int
        The most iterations of the solver.
    target_nonzeros, explained_variance : float, optional
        In place of transform_alpha, as in `encode`: `fit` finds the alpha that leads there.
    missing : 'nan', optional
        NaN in X is an entry that is missing, and does not count; for the lasso and 'omp'.

    Attributes
    ----------
    n_components_ : int
        Number of atoms.
    dictionary_ : array (k, d)
        The dictionary where `fit` found X; its place is what `transform` then asks for.
    alpha_ : float
        What was found for a target, if one came.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso, eq. 1.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 0.1], [-0.2, 2.0]])
    >>> coder = gpudict.SparseCoder(
    ...     np.eye(2), transform_algorithm="lasso_cd", transform_alpha=0.5)
    >>> coder.transform(X)
    array([[2.5, 0. ],
           [0. , 1.5]])
    """

    dictionary: Any

    @at_home
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check X against the dictionary, and find alpha if there is a target.

        Parameters
        ----------
        X : array (n, d)
            Data of any library, or an array-like.
        y : ignored
            Not used, present for scikit-learn's conventions.

        Returns
        -------
        self
            This estimator.
        """
        there = elsewhere(X)
        X = self._checked(stands_for(X, there), "fit", reset=True)
        self.dictionary_ = self._atoms(X)
        self._keep_alpha(self._alpha_for(X if there is None else there) if self._aims else None)
        self.n_components_ = int(self.dictionary_.shape[0])
        return self

    def _alpha_for(self, X: Any) -> float:
        """Return the alpha that leads to the target, found on some rows."""
        algorithm = self.transform_algorithm
        if algorithm.removeprefix(LASSO) not in lasso_names() or not algorithm.startswith(LASSO):
            raise ValueError(
                f"A target came with transform_algorithm={algorithm!r}, which does not solve the "
                "lasso to its optimum. Pass 'lasso_cd', or leave the target out."
            )
        asked = Asked.of_lasso(
            solver=algorithm.removeprefix(LASSO),
            positive=self.positive_code,
            max_iter=self.transform_max_iter,
            n_jobs=self.n_jobs,
        )._replace(missing=self.missing)
        targets = (self.target_nonzeros, self.explained_variance, self.transform_alpha)
        alpha: float = alpha_for(*targets, X, self.dictionary_, asked)
        return alpha

    def _fit_alpha(self) -> dict[str, Any]:
        aim_of(
            self.target_nonzeros, self.explained_variance, self.dictionary_.shape,
            transform_alpha=self.transform_alpha,
        )  # fmt: skip
        return {"alpha": None}

    def _alpha(self) -> float | None:
        """Return the alpha of the transform, which a fit has found if there is a target."""
        if self._aims and not self._found:
            raise NotFittedError(
                "A target came, and alpha is not found for it yet. Call fit with the data, or some "
                "of them, first."
            )
        return self.alpha_ if self._aims else super()._alpha()

    def _checked(self, X: Any, method: str, *, reset: bool = False) -> Array:
        """Return X as a finite float array with a feature for each of an atom's."""
        X = super()._checked(X, method, reset=reset)
        shape = tuple(array_like(self.dictionary, "dictionary").shape)
        if shape[1:] != tuple(X.shape[1:]):
            raise ValueError(
                "Dictionary and X have different numbers of features: dictionary.shape: "
                f"{shape} X.shape: {tuple(X.shape)}. Pass data with the features of the atoms."
            )
        return X

    def _atoms(self, X: Array) -> Array:
        """Return the dictionary in the place and dtype of X."""
        return check.atoms(self._moved(self.dictionary, X, "dictionary"), "dictionary", like=X)

    @property
    def _fitted(self) -> Array | None:
        return getattr(self, "dictionary_", None)

    @property
    def _n_atoms(self) -> int:
        return self.n_components_

    def __sklearn_tags__(self) -> Any:
        """Declare that `fit` is not needed."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags
