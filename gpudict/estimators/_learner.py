"""Learning from data: the parameters, the `fit` and the record that four estimators share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self, TypeVar

from sklearn.callback import CallbackSupportMixin
from sklearn.callback import with_callbacks as _with_callbacks

from gpudict.estimators._base import Estimator
from gpudict.learning.records import Learned

Fit = TypeVar("Fit", bound=Callable[..., Any])


def with_callbacks(fit: Fit) -> Fit:
    """Let scikit-learn's callbacks see a fit; its decorator has no types."""
    watched: Fit = _with_callbacks(fit)
    return watched


@dataclass(eq=False, repr=False)
class Learner(CallbackSupportMixin, Estimator):
    """Learns from X; `_learn` of a subclass keeps what comes of it."""

    n_components: int | None = None
    _: KW_ONLY
    alpha: float = 1
    max_iter: int = 1000
    tol: float = 1e-8
    n_jobs: int | None = None
    verbose: int = False
    random_state: Any = None

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from X.

        Parameters
        ----------
        X : array (n, d)
            Data, a sample a row, of any library, or an array-like. Its library and device become
            those of the estimator.
        y : ignored
            Not used, present for scikit-learn's conventions.
        sample_weight : array-like (n,), optional
            How much each sample counts, 2 as if it were there twice.

        Returns
        -------
        self
            This estimator.
        """
        self._learn(X, y, sample_weight, "fit")
        return self

    def _learn(self, X: Any, y: Any, sample_weight: Any, method: str) -> Any:
        raise TypeError(f"{type(self).__name__} does not learn: use one of its subclasses.")

    def _keep(self, learned: Learned) -> None:
        """Keep what every learner tells of its fit."""
        self.n_iter_, self.history_ = learned.n_iter, learned.history
        self.converged_ = learned.converged
