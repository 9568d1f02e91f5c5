"""`DictionaryLearning`, over `translation.batch`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from gpudict.arrays import parameters
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.home import at_home
from gpudict.estimators._coder import Coder, transform_alpha
from gpudict.estimators._learner import Learner, old_or_new, with_callbacks
from gpudict.estimators._tasks import Tasks
from gpudict.estimators._turns import in_turn
from gpudict.learning.alternate import Iteration
from gpudict.learning.checkpoint import EVERY, Checkpoint
from gpudict.learning.parts import elsewhere, stands_for
from gpudict.learning.records import Learned
from gpudict.solvers.docstrings import documented
from gpudict.translation.batch import batch_learned
from gpudict.translation.words import algorithms, methods

CODES = ("fit", "transform")  # that fit_transform returns


@documented(methods=methods, algorithms=algorithms)
@dataclass(eq=False, repr=False)
class DictionaryLearning(Learner, Coder):
    """Dictionary learning: min ½‖X − UV‖²_F + alpha·‖U‖₁,₁ over U and V with ‖V_k‖₂ = 1.

    `sklearn.decomposition.DictionaryLearning` on any array library: its parameters, attributes and
    methods. The library, device and dtype of X are those of all that comes out.

    Parameters
    ----------
    n_components : int, optional
        Number of atoms k; the number of features d by default.
    alpha : float
        Weight of ‖U‖₁,₁, against ½‖X − UV‖²_F.
    max_iter : int
        The most iterations.
    tol : float
        Stop when an iteration lowers the objective by less than tol times it.
    fit_algorithm : str
        Solver of the codes in `fit`, as `method` of `dict_learning`. One of <methods>.
    transform_algorithm : str
        Solver of the codes in `transform`, as `algorithm` of `sparse_encode`. One of <algorithms>.
    transform_n_nonzero_coefs : int, optional
        The non-zeros of 'lars', 'omp' and 'ols' in `transform`; max(1, d // 10) by default.
    transform_alpha : float, optional
        The weight of ‖u‖₁ in `transform`, or the threshold of 'threshold': alpha by default. For
        'omp' and 'ols', if given and there is no transform_n_nonzero_coefs, the squared error to
        reach.
    n_jobs : int, optional
        Threads for NumPy arrays: None as many as BLAS would use, -1 all.
    code_init : array (n, k), optional
        Codes to start from; moved to X, as dict_init is.
    dict_init : array (k, d), 'svd' or 'data', optional
        Atoms to start from; the SVD of X by default.
    callback : callable, optional
        As in `dict_learning`: called at iterations 0, 5, 10, … with a mapping. scikit-learn's own
        callbacks are set with `set_callbacks`.
    verbose : int
        1 writes a dot an iteration, 2 a line.
    split_sign : bool
        Whether `transform` gives the positive and the negative parts of the codes side by side.
    random_state : None, int, numpy RandomState or Generator
        Draws the samples that revive unused atoms.
    positive_code, positive_dict : bool
        Ask for U ≥ 0, for V ≥ 0.
    transform_max_iter : int
        The most iterations of the solver of the codes, in `fit` and in `transform`.
    fit_n_nonzero_coefs : int, optional
        The non-zeros of 'omp' and 'ols' in `fit`; max(1, d // 10) by default.
    fit_transform_codes : {'fit', 'transform'}
        Which codes `fit_transform` returns: those of the last iteration, by `fit_algorithm`, as
        scikit-learn does; or those of `transform`, which cost one more coding. A `Pipeline` trains
        what comes next on the ones and predicts with the others: ask for 'transform' there.
    target_nonzeros, explained_variance : float, optional
        In place of alpha, as in `learn`: the mean of the non-zeros of a code, or the share of the
        variance of X that codes and atoms explain.
    missing : 'nan', optional
        NaN in X is an entry that is missing, in `fit` and in `transform`, and does not count; for
        the lasso and 'omp'. `inverse_transform` of the codes fills it in.

    Attributes
    ----------
    components_ : array (k, d)
        The atoms, of norm 1.
    alpha_ : float
        The alpha of the fit, as given or as found for a target; that of `transform`, too, then.
    error_ : array (n_iter_,)
        The objective after each iteration.
    n_iter_ : int
        Iterations made.
    history_ : list of Progress
        Of each iteration: objective, largest gap, unused atoms, seconds.
    dual_gap_ : array (n,)
        How far each sample's code is, at most, from its optimum.
    converged_ : bool
        Whether the codes of every iteration reached their tolerance.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, eq. 4.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X, _, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=30, n_components=15, n_features=20, n_nonzero_coefs=10, random_state=42)
    >>> learner = gpudict.DictionaryLearning(
    ...     15, alpha=0.1, transform_algorithm="lasso_cd", random_state=42).fit(X)
    >>> code, gap = learner.transform(X, return_gap=True)
    >>> 0.55 < np.mean(code == 0) < 0.7
    np.True_
    >>> bool((gap <= 1e-8 * 0.5 * (X**2).sum(axis=1)).all())
    True
    """

    _: KW_ONLY
    fit_algorithm: str = "cd"
    code_init: Any = None
    dict_init: Any = None
    callback: Callable[[Any], None] | None = None
    positive_dict: bool = False
    fit_n_nonzero_coefs: int | None = None
    fit_transform_codes: str = "fit"

    @with_callbacks
    @at_home
    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        checkpoint: Any = None,
        checkpoint_every: float = EVERY,
        resume: bool = False,
    ) -> Any:
        """Learn from X as `fit` does, and return codes: `fit_transform_codes` says which.

        Parameters
        ----------
        X : array (n, d)
            Data, as in `fit`.
        y : ignored
            Not used, present for scikit-learn's conventions.
        sample_weight : array-like (n,), optional
            How much each sample counts, as in `fit`.
        checkpoint, checkpoint_every, resume
            As in `fit`.

        Returns
        -------
        code : array (n, k), or (n, 2k) as `transform` gives them with `split_sign`
            The codes that the atoms were last updated for, or those of `transform`.
        """
        which = parameters.choice(self.fit_transform_codes, "fit_transform_codes", CODES)
        with old_or_new(self):
            kept = Checkpoint.of(checkpoint, checkpoint_every, resume, self.random_state)
            if which == "fit":
                return self._learn(X, y, sample_weight, "fit_transform", kept).code
            self._learn(X, y, sample_weight, "fit", kept)
            return self.transform(X)

    @in_turn
    def _learn(
        self, X: Any, y: Any, sample_weight: Any, method: str, kept: Checkpoint | None
    ) -> Learned:
        there = elsewhere(X)
        like = self._checked(stands_for(X, there), method, reset=True)
        X = like if there is None else there
        self._check_output(X if is_chunked(X) else like, method)
        tasks = Tasks(self, self.max_iter, X, y, sample_weight)

        def watch(now: Iteration) -> bool:
            return tasks.done(lambda: {"components_": now.dictionary}, last=now.last)

        options = self._given("max_iter tol callback verbose random_state n_jobs")
        options |= self._given("positive_code positive_dict fit_n_nonzero_coefs")
        options |= self._fit_alpha()
        learned = batch_learned(
            X,
            self.n_components,
            method=parameters.choice(self.fit_algorithm, "fit_algorithm", methods()),
            method_max_iter=self.transform_max_iter,
            dict_init=self._moved(self.dict_init, like, "dict_init"),
            code_init=self._moved(self.code_init, like, "code_init"),
            sample_weight=sample_weight,
            missing=self.missing,
            watch=watch,
            checkpoint=kept,
            codes=method == "fit_transform",
            **options,
        )
        self.components_, self.error_ = learned.dictionary, learned.objective
        self.dual_gap_ = like[:0, 0] if learned.gap is None else learned.gap
        self._keep(learned)
        self._keep_alpha(learned.alpha)
        tasks.end(lambda: {"components_": learned.dictionary})
        return learned

    def _alpha(self) -> float | None:
        return transform_alpha(self)
