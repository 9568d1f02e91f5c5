"""`SparsePCA`, over `translation.batch` of the transposed data."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from gpudict.arrays.door import Array, array_namespace
from gpudict.estimators._projector import Projector, Seen, unit_rows
from gpudict.estimators._tasks import Tasks
from gpudict.learning.alternate import Iteration
from gpudict.learning.atoms import flips
from gpudict.learning.checkpoint import Checkpoint
from gpudict.solvers.docstrings import documented
from gpudict.translation.batch import batch_learned
from gpudict.translation.words import methods


@documented(methods=methods)
@dataclass(eq=False, repr=False)
class SparsePCA(Projector):
    """Principal components with few non-zeros: min ½‖X − UV‖²_F + alpha·‖V‖₁,₁ with ‖U_k‖₂ = 1.

    `sklearn.decomposition.SparsePCA` on any array library: its parameters, attributes and methods.
    The library, device and dtype of X are those of all that comes out.

    Rows may be read as they are needed: sparse ones, a memory map, what `stream` takes. Then `fit`
    reads each once, keeps d × d sums, and learns of them what it would of the rows.

    Parameters
    ----------
    n_components : int, optional
        Number of components k; the number of features d by default.
    alpha : float
        Weight of ‖V‖₁,₁.
    ridge_alpha : float
        Strength of the ridge regression in `transform`.
    max_iter : int
        The most iterations.
    tol : float
        Stop when an iteration lowers the objective by less than tol times it.
    method : str
        Solver, as `method` of `dict_learning`. One of <methods>.
    n_jobs : int, optional
        Threads for NumPy arrays: None as many as BLAS would use, -1 all.
    U_init : array (n, k), optional
        Scores to start from; moved to X, as V_init is. Sums over rows that are read take none.
    V_init : array (k, d), optional
        Components to start from.
    verbose : int
        1 writes a dot an iteration, 2 a line.
    random_state : None, int, numpy RandomState or Generator
        Draws the features that revive unused components.

    Attributes
    ----------
    components_ : array (k, d)
        Sparse, of norm 1, or zero.
    mean_ : array (d,)
        The mean of the samples.
    n_components_ : int
        Their number.
    explained_variance_ratio_ : array (k,)
        Which share of the variance each component adds to those before it: that of the projection
        on their span, in which nothing is counted twice (Shen and Huang 2008, section 2.3).
    dual_gap_ : array (d,)
        How far the loadings of each feature are, at most, from their optimum.
    error_, n_iter_, history_, converged_, n_features_in_, feature_names_in_
        As in `DictionaryLearning`.

    References
    ----------
    Jenatton, Obozinski and Bach (2010), https://proceedings.mlr.press/v9/jenatton10a.html, eq. 1.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from sklearn.datasets import make_friedman1
    >>> X, _ = make_friedman1(n_samples=200, n_features=30, random_state=0)
    >>> pca = gpudict.SparsePCA(n_components=5, random_state=0).fit(X)
    >>> pca.transform(X).shape
    (200, 5)
    >>> np.mean(pca.components_ == 0) > 0.9
    np.True_
    """

    _: KW_ONLY
    U_init: Any = None
    V_init: Any = None

    def _summed(self, X: Any, sample_weight: Any, method: str) -> tuple[Seen, Array]:
        if self.U_init is not None:
            raise ValueError(
                "U_init came with rows that are read as they are needed, and sums over rows have "
                "no place for a score of each. Pass V_init alone, or X as an array."
            )
        return super()._summed(X, sample_weight, method)

    def _components(
        self, features: Array, seen: Seen, k: int, tasks: Tasks, kept: Checkpoint | None
    ) -> Array:
        options = self._given("alpha max_iter tol method n_jobs verbose random_state")
        for name, theirs in (("code_init", "V_init"), ("dict_init", "U_init")):
            moved = self._moved(getattr(self, theirs), features, theirs)
            options[name] = (
                None if moved is None else array_namespace(moved).matrix_transpose(moved)
            )

        def watch(now: Iteration) -> bool:
            return tasks.done(lambda: {"components_": signed(now.code)}, last=now.last)

        learned = batch_learned(
            features, k, method_max_iter=1000, watch=watch, checkpoint=kept, **options
        )
        self.error_, self.dual_gap_ = learned.objective, learned.gap
        self._keep(learned)
        return signed(learned.code)


def signed(code: Array | None) -> Array:
    """Return the components that codes (d, k) hold, the largest entry of each positive."""
    assert code is not None
    return unit_rows(code * flips(code))
