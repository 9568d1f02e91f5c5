"""`MiniBatchSparsePCA`, over `functional.online_learned` of the transposed data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from gpudict._array import Array
from gpudict.estimators._projector import Projector, unit_rows
from gpudict.estimators._tasks import Tasks
from gpudict.functional._encode import encoded
from gpudict.functional._online import n_steps, online_learned
from gpudict.online import Batch


@dataclass(eq=False, repr=False)
class MiniBatchSparsePCA(Projector):
    """Sparse PCA from mini-batches of features: the objective of `SparsePCA`, sooner.

    `sklearn.decomposition.MiniBatchSparsePCA` on any array library: its parameters, attributes and
    methods. The library, device and dtype of X are those of all that comes out.

    Parameters
    ----------
    n_components, alpha, ridge_alpha, method, n_jobs
        As in `SparsePCA`.
    max_iter : int
        The most passes over the features.
    callback : callable, optional
        As in `dict_learning_online`: called at every step with a mapping.
    batch_size : int
        Features a step.
    verbose : int
        1 and more write a line a step.
    shuffle : bool
        Whether to shuffle the features once.
    random_state : None, int, numpy RandomState or Generator
        Shuffles, and draws the features that revive unused components.
    tol : float
        Stop when a step changes the scores by less: ‖U − U₋‖_F ≤ tol·k; 0 never.
    max_no_improvement : int, optional
        Stop after that many steps without a new lowest smoothed cost; None never.

    Attributes
    ----------
    components_ : array (k, d)
        Sparse, of norm 1, or zero.
    mean_ : array (d,)
        The mean of the samples.
    n_components_, n_iter_ : int
        Components; passes begun.
    history_ : list of Progress
        Of each step: the cost a feature before its update, largest gap, unused components, seconds.
    dual_gap_ : array (d,)
        How far the loadings of each feature are, at most, from their optimum.
    converged_ : bool
        Whether the codes of every step reached their tolerance.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from sklearn.datasets import make_friedman1
    >>> X, _ = make_friedman1(n_samples=200, n_features=30, random_state=0)
    >>> pca = gpudict.MiniBatchSparsePCA(5, batch_size=50, max_iter=10, random_state=0).fit(X)
    >>> pca.transform(X).shape
    (200, 5)
    >>> np.mean(pca.components_ == 0) > 0.8
    np.True_

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, section 5.4.
    """

    _: KW_ONLY
    callback: Callable[[Any], None] | None = None
    batch_size: int = 3
    shuffle: bool = True
    tol: float = 1e-3
    max_no_improvement: int | None = 10

    def _most(self, features: Array) -> int:
        return n_steps(features, self.batch_size, self.max_iter)

    def _components(self, features: Array, k: int, tasks: Tasks) -> Array:
        how = {"method_max_iter": 1000} | self._given("alpha method n_jobs")
        options = self._given("batch_size max_iter shuffle callback verbose random_state")
        options |= self._given("tol max_no_improvement")

        def components(V: Array) -> dict[str, Any]:
            algorithm, weight = ("omp", None) if self.method == "omp" else ("", self.alpha)
            found = encoded(
                features, V, algorithm or f"lasso_{self.method}", alpha=weight, n_jobs=self.n_jobs
            )
            return {"components_": unit_rows(found.Z), "dual_gap_": found.gap}

        def watch(batch: Batch) -> bool:
            return tasks.done(lambda: components(batch.dictionary), last=batch.last)

        learned = online_learned(features, k, watch=watch, **how, **options)
        self._keep(learned)
        found = components(learned.dictionary)
        self.dual_gap_ = found["dual_gap_"]
        unit: Array = found["components_"]
        return unit
