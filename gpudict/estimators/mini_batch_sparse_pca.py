"""`MiniBatchSparsePCA`, over `translation.online` of the transposed data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from gpudict.arrays.door import Array
from gpudict.coding.request import Request
from gpudict.estimators._growing import Growing
from gpudict.estimators._projector import Seen, unit_rows
from gpudict.estimators._tasks import Tasks
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.online import Step
from gpudict.learning.records import Learned
from gpudict.learning.updates import Recipe
from gpudict.solvers.records import Solution
from gpudict.translation.coding import encoded
from gpudict.translation.online import (
    n_steps,
    online_learned,
    online_recipe,
    source_of,
)
from gpudict.translation.words import algorithm_of, is_pursuit


@dataclass(eq=False, repr=False)
class MiniBatchSparsePCA(Growing):
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
    n_iter_, n_steps_, history_, converged_
        As in `MiniBatchDictionaryLearning`: passes begun by `fit`, steps, and the record of each.
    moments_, explained_
        What `partial_fit` goes on from: of the rows that it was given their mean and the sums about
        it, of those of `fit` what the components explain.

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
        self, features: Array, seen: Seen, k: int, tasks: Tasks, kept: Checkpoint | None
    ) -> Array:
        def watch(step: Step) -> bool:
            return tasks.done(lambda: self._coded(features, step.dictionary), last=step.last)

        options = self._given("max_iter callback tol max_no_improvement")
        self._begin()
        learned = self._passed(features, seen.rows, k, watch=watch, checkpoint=kept, **options)
        self._keep(learned)
        self.n_steps_ = len(learned.history)
        found = self._codes(features, learned.dictionary)
        self._remember(seen, found.Z, learned.dictionary)
        self.dual_gap_ = found.gap
        return unit_rows(found.Z)

    def _passed(self, features: Array, n: int, k: int, **options: Any) -> Learned:
        """Return what is learned from features of n rows, from the start on."""
        return online_learned(
            source_of(features, self.batch_size),
            self._recipe(features, k),
            dict_init="svd" if k < n else "data",
            random_state=self.rng_,
            **self._given("shuffle verbose"),
            **options,
        )

    def _recipe(self, features: Array, k: int | None) -> Recipe:
        """Return how a step is made."""
        return online_recipe(
            features, k, method_max_iter=1000, **self._given("alpha method n_jobs")
        )

    def _coded(self, features: Array, V: Array) -> dict[str, Array]:
        """Return the components that the codes of features over scores (k, r) are."""
        found = self._codes(features, V)
        return {"components_": unit_rows(found.Z), "dual_gap_": found.gap}

    def _codes(self, features: Array, V: Array) -> Solution:
        algorithm = algorithm_of(self.method)
        weight = None if is_pursuit(algorithm) else self.alpha
        return encoded(Request(features, V), algorithm, alpha=weight, n_jobs=self.n_jobs)
