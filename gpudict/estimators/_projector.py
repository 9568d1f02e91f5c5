"""Sparse components and the ridge projection on them: what the two sparse PCAs share.

Sparse PCA is dictionary learning of the transposed data: the codes, one row a feature, are the
components, and the atoms are the scores. Of rows that are read as they are needed it learns from
their moments, of which centring is a part: neither the dense rows nor the centred ones are made.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

from sklearn.utils.validation import check_is_fitted

from gpudict.arrays import parameters
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import Array, array_namespace, precise
from gpudict.arrays.home import at_home, home
from gpudict.arrays.sources.by_batches import by_batches
from gpudict.arrays.sources.stream import as_stream, is_source, whole
from gpudict.estimators._learner import Learner
from gpudict.estimators._score import Scored
from gpudict.estimators._tasks import Tasks
from gpudict.estimators._turns import in_turn
from gpudict.learning.atoms import normalised
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.moments import Moments
from gpudict.learning.samples import Samples
from gpudict.learning.summed import moments_of
from gpudict.objective.explained import shares
from gpudict.objective.inverses import ridge
from gpudict.objective.quadratic import least_squares


class Seen(NamedTuple):
    """How many rows were learned from, and the sum of their weights."""

    rows: int
    total: float


@dataclass(eq=False, repr=False)
class Projector(Scored, Learner):
    """Centres data, learns sparse components of it, projects on them."""

    _: KW_ONLY
    ridge_alpha: float = 0.01
    method: str = "cd"

    @in_turn
    def _learn(
        self, X: Any, y: Any, sample_weight: Any, method: str, kept: Checkpoint | None
    ) -> None:
        X = _held(X)
        there = is_source(X) or is_chunked(X)
        seen, features = (self._summed if there else self._centred)(X, sample_weight, method)
        with home(features):
            k = features.shape[0] if self.n_components is None else self.n_components
            tasks = Tasks(self, self._most(features), X, y, sample_weight)
            components = self._components(features, seen, k, tasks, kept)
            self.components_, self.n_components_ = components, int(components.shape[0])
            self.explained_variance_ratio_ = shares(features, components)
            tasks.end(lambda: {"components_": components})

    def _centred(self, X: Any, sample_weight: Any, method: str) -> tuple[Seen, Array]:
        """Return which rows there are, and the features of the centred ones, (d, n)."""
        X = self._checked(X, method, reset=True)
        rows = Samples.of(X, sample_weight)
        self.mean_ = rows.mean()
        centred = rows._replace(X=X - self.mean_).rooted()
        return Seen(X.shape[0], rows.total), array_namespace(X).matrix_transpose(centred)

    def _summed(self, X: Any, sample_weight: Any, method: str) -> tuple[Seen, Array]:
        """Return which rows there are, and features (d, r) whose inner products are theirs."""
        moments, like = self._moments(X, sample_weight, method, reset=True)
        with home(like):
            return Seen(moments.rows, moments.total), self._rooted(moments, like)

    def _moments(
        self, X: Any, sample_weight: Any, method: str, *, reset: bool
    ) -> tuple[Moments, Array]:
        """Return the moments of rows wherever they are, and some of them, checked."""
        if not (is_source(X) or is_chunked(X)):
            X = self._checked(X, method, reset=reset)
            return Moments.of(Samples.of(X, sample_weight)), X
        moments, like = moments_of(as_stream(X) if is_source(X) else X, sample_weight)
        self._checked(like[:1, :], method, reset=reset)
        return moments, like

    def _rooted(self, moments: Moments, like: Array) -> Array:
        """Keep the mean, and return features (d, r) about it, in the dtype of `like`."""
        xp = array_namespace(like)
        self.mean_ = xp.astype(moments.mean, like.dtype, copy=False)
        return xp.astype(moments.root(), like.dtype, copy=False)

    @by_batches
    @at_home
    def transform(self, X: Any) -> Array:
        """Project X on the components by ridge regression of strength `ridge_alpha`.

        Parameters
        ----------
        X : array (n, d)
            Data, of the library and device that the estimator was fitted with, or what `stream`
            takes.

        Returns
        -------
        array (n, k)
            The scores.
        """
        check_is_fitted(self)
        X = self._checked(X, "transform")
        V, mean = self._like(X)
        strength = parameters.number(self.ridge_alpha, "ridge_alpha")
        with precise(X):
            return ridge(least_squares(X - mean, V), strength)

    @by_batches
    @at_home
    def inverse_transform(self, X: Any) -> Array:
        """Return the data that scores stand for: X · components + mean.

        Parameters
        ----------
        X : array (n, k)
            Scores.

        Returns
        -------
        array (n, d)
            Of the library, device and dtype of the scores.
        """
        check_is_fitted(self)
        X = self._checked_codes(X)
        V, mean = self._like(X)
        with precise(X):
            return X @ V + mean

    @property
    def _n_features_out(self) -> int:
        """Number of features that `transform` gives."""
        return self.n_components_

    def _most(self, features: Array) -> int:
        """Return the most iterations that learning from features (d, n) makes."""
        return self.max_iter

    def _components(
        self, features: Array, seen: Seen, k: int, tasks: Tasks, kept: Checkpoint | None
    ) -> Array:
        """Return k components (k, d) learned from features of rows, (d, n) or fewer numbers."""
        raise TypeError(f"{type(self).__name__} does not learn: use SparsePCA.")

    def _like(self, X: Array) -> tuple[Array, Array]:
        """Return the components and the mean in the dtype of X."""
        xp = array_namespace(X)
        return tuple(xp.astype(a, X.dtype, copy=False) for a in (self.components_, self.mean_))


def _held(X: Any) -> Any:
    """Return X; as an array if it is a source of no more rows than features, fewer than sums."""
    shape = as_stream(X).shape if is_source(X) else None
    return X if shape is None or shape[0] > shape[1] else whole(X)


def unit_rows(code: Array) -> Array:
    """Return the components of norm 1, or 0, (k, d), that the codes of features (d, k) hold."""
    return normalised(array_namespace(code).matrix_transpose(code), None, positive=False)[0]
