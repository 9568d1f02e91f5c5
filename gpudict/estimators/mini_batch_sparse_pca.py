"""`MiniBatchSparsePCA`, over `translation.online` of the transposed data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from gpudict.arrays.door import Array, array_namespace, draws, float64_of, precise
from gpudict.arrays.home import at_home, home
from gpudict.coding.request import Request
from gpudict.estimators._learner import old_or_new
from gpudict.estimators._projector import Projector, unit_rows
from gpudict.estimators._same import check_unchanged
from gpudict.estimators._tasks import Tasks
from gpudict.estimators._turns import in_turn
from gpudict.learning.atoms import start
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.moments import Moments
from gpudict.learning.online import Step, dictionary_of
from gpudict.learning.records import Learned, Progress, State
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe
from gpudict.objective.explained import shares
from gpudict.objective.inverses import ridge
from gpudict.objective.quadratic import astype, least_squares, scaled, statistics
from gpudict.solvers.records import Solution
from gpudict.translation.coding import encoded
from gpudict.translation.online import (
    n_steps,
    online_learned,
    online_recipe,
    online_step,
    source_of,
)
from gpudict.translation.words import algorithm_of, is_pursuit

PARTS = ("moments_", "n_steps_", "rng_")  # what partial_fit alone keeps


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
    n_iter_, n_steps_, history_, converged_
        As in `MiniBatchDictionaryLearning`: passes begun by `fit`, steps of `partial_fit`, and the
        record of each step.
    moments_ : Moments
        The mean of all rows so far and the sums about it, to which `partial_fit` adds.

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
        def watch(step: Step) -> bool:
            return tasks.done(lambda: self._coded(features, step.dictionary), last=step.last)

        for name in PARTS:
            self.__dict__.pop(name, None)  # of rows that are no longer learned from
        options = self._given("max_iter callback random_state tol max_no_improvement")
        learned = self._passed(features, n, k, watch=watch, checkpoint=kept, **options)
        self._keep(learned)
        found = self._coded(features, learned.dictionary)
        self.dual_gap_ = found["dual_gap_"]
        unit: Array = found["components_"]
        return unit

    def _passed(self, features: Array, n: int, k: int, **options: Any) -> Learned:
        """Return what is learned from features of n rows, from the start on."""
        return online_learned(
            source_of(features, self.batch_size),
            self._recipe(features, k),
            dict_init="svd" if k < n else "data",
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

    @in_turn
    @at_home
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows, going on from where the estimator is.

        Of all rows so far their mean and the d × d sums about it are kept, exactly, whatever batch
        they came in: `mean_` is the mean of all of them, and earlier rows count as if they had been
        centred by it. One pass is then made over the features, in the steps of `fit`. After the
        first call components are those of `fit` with max_iter=1, tol=0 and max_no_improvement=None.

        Parameters that are changed between two batches hold from the next one on. n_components and
        random_state can't: they make the start. Of several threads each waits for its turn.

        Parameters
        ----------
        X : array (b, d)
            Rows, of the library and device of those before, or what `stream` takes.
        y : ignored
            Not used, present for scikit-learn's conventions.
        sample_weight : array-like (b,), optional
            How much each row counts.

        Returns
        -------
        self
            This estimator. After an error, or an interrupt, it is what it was before the batch.
        """
        with old_or_new(self):
            self._seen(X, sample_weight)
        return self

    def _seen(self, X: Any, sample_weight: Any) -> None:
        """Learn from rows."""
        first = not hasattr(self, "components_")
        if not first and not hasattr(self, "moments_"):
            raise ValueError(
                "partial_fit was called after fit, which keeps no sums of its rows, and more rows "
                "can't be added to them. Begin with partial_fit, which takes the rows of fit too."
            )
        moments, like = self._moments(X, sample_weight, "partial_fit", reset=first)
        like = like if first else self.components_
        with home(like):
            if not first:
                before: Moments = self.moments_
                moments = before.merge(moments)
            features = self._rooted(moments, like)
            if first:
                self.rng_, self.history_, self.converged_ = draws(self.random_state), [], True
                self._started, self.n_steps_ = self._given("random_state"), 0
                V = self._began(features, moments.rows)
            else:
                V = self._went_on(features)
            for name, value in self._coded(features, V).items():
                setattr(self, name, value)
            self.moments_: Moments = moments
            self.n_components_ = int(V.shape[0])
            self.explained_variance_ratio_ = shares(features, self.components_)

    def _began(self, features: Array, n: int) -> Array:
        """Return scores (k, r) after the first pass over features."""
        k = features.shape[0] if self.n_components is None else self.n_components
        one = {"max_iter": 1, "tol": 0, "max_no_improvement": None, "random_state": self.rng_}
        learned = self._passed(features, n, k, **one)
        self._counted(learned.history, converged=learned.converged)
        return learned.dictionary

    def _went_on(self, features: Array) -> Array:
        """Return scores (k, r) after a pass that begins at those of the components.

        The space of scores is another after each batch, so the past is formed anew: it is the sums
        over all features and their codes, with the weight of all passes so far.
        """
        recipe, k = self._recipe(features, self.n_components), self.n_components_
        check_unchanged(self, k, recipe.k)
        xp, rows = array_namespace(features), Samples.of(features)
        with precise(features):
            scores = ridge(least_squares(xp.matrix_transpose(features), self.components_), 0.0)
        V, _ = start(rows, k, xp.matrix_transpose(scores), None, self.rng_, positive=False)
        codes = self._codes(features, V).Z
        with precise(features):
            sums = scaled(statistics(features, codes), 1 / features.shape[0])
        past = astype(sums, float64_of(V) or V.dtype)
        state = State.of_sums(V, past, self.n_steps_, self.batch_size)
        walk = source_of(features, self.batch_size).walk(self.rng_ if self.shuffle else None)
        for batch in walk(1):
            step = online_step(batch, state, recipe, None, self.rng_)
            state = step.state
            self._counted([step.progress], converged=step.converged)
        return dictionary_of(state, recipe.update)

    def _counted(self, history: list[Progress], *, converged: bool) -> None:
        """Keep the record of steps."""
        self.history_.extend(history)
        self.n_steps_ += len(history)
        self.converged_ = self.converged_ and converged
