"""`MiniBatchSparsePCA`, over `translation.online` of the transposed data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from gpudict.arrays.door import Array
from gpudict.coding.request import Request
from gpudict.estimators._projector import Projector, unit_rows
from gpudict.estimators._tasks import Tasks
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.online import Step
from gpudict.translation.coding import encoded
from gpudict.translation.online import n_steps, online_learned, online_recipe, source_of
from gpudict.translation.words import algorithm_of, is_pursuit


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
    batch_size : int
        Features a step.
    shuffle : bool
        Whether to shuffle the features, once.
    verbose, callback, random_state, tol, max_no_improvement
        As in `MiniBatchDictionaryLearning`, with features for samples and scores for atoms.

    Attributes
    ----------
    components_, mean_, n_components_, explained_variance_ratio_, dual_gap_, n_features_in_, \
feature_names_in_
        As in `SparsePCA`.
    n_iter_, history_, converged_
        As in `MiniBatchDictionaryLearning`: passes begun, and the record of each step.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, section 5.4.

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
    """

    _: KW_ONLY
    callback: Callable[[Any], None] | None = None
    batch_size: int = 3
    shuffle: bool = True
    tol: float = 1e-3
    max_no_improvement: int | None = 10

    def _most(self, features: Array) -> int:
        return n_steps(source_of(features, self.batch_size), self.max_iter)

    def _components(
        self, features: Array, n: int, k: int, tasks: Tasks, kept: Checkpoint | None
    ) -> Array:
        algorithm = algorithm_of(self.method)
        weight = None if is_pursuit(algorithm) else self.alpha
        options = self._given("max_iter shuffle callback verbose random_state")
        options |= self._given("tol max_no_improvement")
        options["dict_init"] = "svd" if k < n else "data"

        def components(V: Array) -> dict[str, Any]:
            found = encoded(Request(features, V), algorithm, alpha=weight, n_jobs=self.n_jobs)
            return {"components_": unit_rows(found.Z), "dual_gap_": found.gap}

        def watch(step: Step) -> bool:
            return tasks.done(lambda: components(step.dictionary), last=step.last)

        coded = self._given("alpha method n_jobs")
        recipe = online_recipe(features, k, method_max_iter=1000, **coded)
        source = source_of(features, self.batch_size)
        learned = online_learned(source, recipe, watch=watch, checkpoint=kept, **options)
        self._keep(learned)
        found = components(learned.dictionary)
        self.dual_gap_ = found["dual_gap_"]
        unit: Array = found["components_"]
        return unit
