"""How much of the variance of data an estimator keeps: what searches over parameters compare."""

from __future__ import annotations

import math
from typing import Any

from sklearn.utils.validation import check_is_fitted

from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.chunks.contract import cut
from gpudict.arrays.door import Array, array_namespace
from gpudict.arrays.home import at_home, home
from gpudict.arrays.sources.stream import as_stream, is_source
from gpudict.arrays.threads import quiet
from gpudict.learning.parts import samples_of
from gpudict.objective.reconstruction import Reconstruction


class Scored:
    """Scores data by what `transform` and `inverse_transform` leave of it."""

    transform: Any
    inverse_transform: Any
    _checked: Any
    _missing: Any

    @at_home
    def score(self, X: Any, y: Any = None) -> float:
        """Return the explained variance: 1 − Σ‖x − x̂‖² / Σ‖x − mean x‖².

        x̂ is what `inverse_transform` makes of `transform(X)`, and the mean that of X: it is the
        `explained_variance` of `code_metrics`. 1 is perfect, 0 what the mean alone would do. Unlike
        the objective it can be compared where alpha or the number of atoms changes; but like every
        error it asks for codes that are less sparse, so compare at equal numbers of non-zeros.
        Entries that are missing do not count.

        Parameters
        ----------
        X : array (n, d)
            Data, as in `transform`.
        y : ignored
            Not used, present for scikit-learn's conventions.

        Returns
        -------
        float
            At most 1; below 0 where the mean would be nearer.
        """
        check_is_fitted(self)
        if is_chunked(X):
            chunks = chunked(X)
            made = self._again(X)
            found = chunks.total(_of_chunk, beside=cut(made, chunks.sizes))
            if math.isnan(found.error):
                raise ValueError(
                    "X has missing entries, and came in chunks, whose features have means of their "
                    "own. Pass it as an array in memory, X.compute()."
                )
        elif is_source(X):
            found, *others = (self._reconstruction(rows) for rows in as_stream(X))
            found = found.merge(*others)
        else:
            found = self._reconstruction(X)
        explained: float = found.explained_variance
        return explained

    def _reconstruction(self, X: Any) -> Reconstruction:
        made, X = self._again(X), self._checked(X, "score")
        if self._missing is not None:  # its feature's mean on both sides: it counts as 0
            X, *_, seen, _ = samples_of(X, missing=self._missing, whole=False)
            assert seen is not None
            made = array_namespace(X).where(seen > 0, made, X)
        return Reconstruction.of(X, made)

    def _again(self, X: Any) -> Array:
        """Return what the estimator makes of X there and back."""
        return self.inverse_transform(self.transform(X))


def _of_chunk(rows: Array, number: int, made: Array) -> Reconstruction:
    """Return the sums over the rows of a chunk."""
    with home(rows), quiet():
        return Reconstruction.of(rows, made)
