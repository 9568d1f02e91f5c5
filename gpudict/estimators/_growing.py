"""Sparse PCA of more and more rows: their sums are exact, and a pass over the features follows."""

from __future__ import annotations

from typing import Any, Self

from gpudict.arrays.door import Array, array_namespace, draws, float64_of, precise
from gpudict.arrays.home import at_home, home
from gpudict.estimators._learner import old_or_new
from gpudict.estimators._projector import Projector, Seen
from gpudict.estimators._same import check_unchanged
from gpudict.estimators._turns import in_turn
from gpudict.learning.atoms import start
from gpudict.learning.moments import Explained, Moments
from gpudict.learning.online import dictionary_of
from gpudict.learning.records import Progress, State
from gpudict.learning.samples import Samples
from gpudict.objective.explained import shares
from gpudict.objective.inverses import ridge
from gpudict.objective.quadratic import astype, least_squares, scaled, statistics
from gpudict.translation.online import online_step, source_of


class Growing(Projector):
    """Adds rows to those before."""

    @in_turn
    @at_home
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows, going on from where the estimator is.

        Of all rows so far their mean and the d × d sums about it are kept, exactly, whatever batch
        they came in: `mean_` is the mean of all of them, and earlier rows count as if they had been
        centred by it. One pass is then made over the features, in the steps of `fit`. After the
        first call components are those of `fit` with max_iter=1, tol=0 and max_no_improvement=None.
        Of the rows of a `fit` before, which keeps no such sums, it is their mean, their weight and
        what the components explain of them that counts.

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
        moments, like = self._moments(X, sample_weight, "partial_fit", reset=first)
        like = like if first else self.components_
        with home(like):
            moments = moments if first else self._before().merge(moments)
            features = self._rooted(moments, like)
            if first:
                self._begin()
            V = self._began(features, moments.rows) if first else self._went_on(features)
            for name, value in self._coded(features, V).items():
                setattr(self, name, value)
            self.moments_, self.n_components_ = moments, int(V.shape[0])
            self.explained_variance_ratio_ = shares(features, self.components_)
            self.__dict__.pop("explained_", None)  # it is among the moments

    def _begin(self) -> None:
        """Forget rows that are no longer learned from."""
        self.__dict__.pop("moments_", None)
        self.rng_, self._started = draws(self.random_state), self._given("random_state")
        self.history_, self.n_steps_, self.converged_ = [], 0, True

    def _remember(self, seen: Seen, codes: Array, scores: Array) -> None:
        """Keep what codes of features (d, k) over scores (k, n) explain of the rows of a fit."""
        xp = array_namespace(codes)
        size = xp.sqrt(xp.sum(codes * codes, axis=0))
        with precise(scores):
            gram = (scores @ xp.matrix_transpose(scores)) * (size[:, None] * size[None, :])
        self.explained_ = Explained(*seen, gram)

    def _before(self) -> Moments:
        """Return the moments of all rows before."""
        if hasattr(self, "moments_"):
            return self.moments_
        if hasattr(self, "explained_"):
            return self.explained_.moments(self.components_, self.mean_)
        raise ValueError(
            "partial_fit was called of a model that knows nothing of the rows that it was fitted "
            "with: scikit-learn's, or one of an older file. Call fit, which begins anew."
        )

    def _began(self, features: Array, n: int) -> Array:
        """Return scores (k, r) after the first pass over features."""
        k = features.shape[0] if self.n_components is None else self.n_components
        learned = self._passed(features, n, k, max_iter=1, tol=0, max_no_improvement=None)
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
            step, _ = online_step(batch, state, recipe, None, self.rng_)
            state = step.state
            self._counted([step.progress], converged=step.converged)
        return dictionary_of(state, recipe.update)

    def _counted(self, history: list[Progress], *, converged: bool) -> None:
        """Keep the record of steps."""
        self.history_.extend(history)
        self.n_steps_ += len(history)
        self.converged_ = self.converged_ and converged
