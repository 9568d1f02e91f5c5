"""`MiniBatchDictionaryLearning`, over `translation.online`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from gpudict.arrays import parameters
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import Array, array_namespace, draws
from gpudict.arrays.home import at_home
from gpudict.arrays.sources.stream import Stream, as_stream, is_source, whole
from gpudict.estimators._coder import Coder, transform_alpha
from gpudict.estimators._learner import Learner, old_or_new
from gpudict.estimators._same import check_unchanged
from gpudict.estimators._tasks import Tasks
from gpudict.estimators._turns import in_turn
from gpudict.learning.apart import is_apart
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.online import Step
from gpudict.learning.updates import Recipe, memory_to_learn
from gpudict.objective.quadratic import Quadratic, astype
from gpudict.translation.online import (
    n_steps,
    one_batch,
    online_learned,
    online_recipe,
    online_step,
    source_of,
)
from gpudict.translation.words import methods

FIXED = "dict_init random_state"  # what the start alone asks for


@dataclass(eq=False, repr=False)
class MiniBatchDictionaryLearning(Learner, Coder):
    """Dictionary learning from mini-batches: the objective of `DictionaryLearning`, sooner.

    `sklearn.decomposition.MiniBatchDictionaryLearning` on any array library: its parameters,
    attributes and methods. The library, device and dtype of X are those of all that comes out.

    Parameters
    ----------
    n_components, alpha, fit_algorithm, transform_algorithm, transform_n_nonzero_coefs, \
transform_alpha, n_jobs, split_sign, random_state, positive_code, positive_dict, \
transform_max_iter, fit_n_nonzero_coefs, target_nonzeros, explained_variance, missing
        As in `DictionaryLearning`. random_state also shuffles.
    dict_init : array (k, d), 'svd' or 'data', optional
        Atoms to start from; by default 'svd' of some of the samples where k < d, else 'data'.
    max_iter : int
        The most passes over the data.
    batch_size : int
        Samples a step.
    shuffle : bool
        Whether `fit` shuffles the samples, once.
    verbose : int
        1 and more write a line a step.
    callback : callable, optional
        As in `dict_learning_online`: called at every step of `fit` with a mapping.
    tol : float
        Stop when a step changes the dictionary by less: ‖V − V₋‖_F ≤ tol·k; 0 never.
    max_no_improvement : int, optional
        Stop after that many steps without a new lowest smoothed cost; None never.

    Attributes
    ----------
    components_ : array (k, d)
        The atoms, of norm 1.
    alpha_ : float
        As in `DictionaryLearning`. The first 100 batches of `partial_fit` move it to a target.
    n_iter_ : int
        Passes begun by `fit`.
    n_steps_ : int
        Batches seen, by `fit` and `partial_fit`.
    past_ : State
        The memories of all batches, from which `partial_fit` goes on.
    history_ : list of Progress
        Of each step: the cost a sample before its update, largest gap, unused atoms, seconds.
    dual_gap_ : array (b,)
        How far the codes of the last batch are, at most, from their optima.
    converged_ : bool
        Whether the codes of every step reached their tolerance.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1.

    Examples
    --------
    >>> import gpudict
    >>> X, _, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=60, n_components=15, n_features=20, n_nonzero_coefs=10, random_state=42)
    >>> learner = gpudict.MiniBatchDictionaryLearning(15, alpha=0.1, batch_size=20, random_state=42)
    >>> learner.fit(X).components_.shape
    (15, 20)
    >>> learner.partial_fit(X[:20]).n_steps_ == len(learner.history_)
    True
    """

    _: KW_ONLY
    fit_algorithm: str = "cd"
    batch_size: int = 256
    shuffle: bool = True
    dict_init: Any = None
    positive_dict: bool = False
    callback: Callable[[Any], None] | None = None
    tol: float = 1e-3
    max_no_improvement: int | None = 10
    fit_n_nonzero_coefs: int | None = None

    @in_turn
    def _learn(
        self, X: Any, y: Any, sample_weight: Any, method: str, kept: Checkpoint | None
    ) -> None:
        X = as_stream(X) if is_source(X) else X
        if not isinstance(X, Stream):
            like = self._checked(X, method, reset=True)
            X = X if is_chunked(X) else like
        source = source_of(X, self.batch_size, sample_weight, self.missing)
        first = source.first.X
        if isinstance(X, Stream):
            self._checked(first, method, reset=True)
        tasks = Tasks(self, n_steps(source, self.max_iter), X, y, sample_weight)
        self._started = self._given(FIXED)
        self.rng_ = draws(self.random_state)

        def watch(step: Step) -> bool:
            return tasks.done(lambda: {"components_": step.dictionary}, last=step.last)

        learned = online_learned(
            source,
            self._recipe(first),
            dict_init=self._moved(self.dict_init, first, "dict_init"),
            random_state=self.rng_,
            watch=watch,
            checkpoint=kept,
            **self._given("max_iter shuffle callback verbose tol max_no_improvement"),
        )
        self.components_, self.past_ = learned.dictionary, learned.past
        self.n_steps_ = len(learned.history)
        self.dual_gap_ = first[:0, 0] if learned.gap is None else learned.gap
        self._keep(learned)
        self._keep_alpha(learned.alpha)
        tasks.end(lambda: {"components_": learned.dictionary})

    @in_turn
    @at_home
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from X as one mini-batch, going on from where the estimator is.

        Parameters that are changed between two batches hold from the next one on. n_components,
        dict_init and random_state can't: they make the start.

        Of several threads that call it on one estimator, each waits for its turn.

        Parameters
        ----------
        X : array (b, d)
            A batch, of the library and device of those before.
        y : ignored
            Not used, present for scikit-learn's conventions.
        sample_weight : array-like (b,), optional
            How much each sample counts.

        Returns
        -------
        self
            This estimator. After an error, or an interrupt, it is what it was before the batch.
        """
        with old_or_new(self):
            self._seen(X, sample_weight)
        return self

    def _seen(self, X: Any, sample_weight: Any) -> None:
        """Learn from a batch."""
        first = not hasattr(self, "components_")
        X = whole(X) if is_source(X) else X
        X, chunks = self._checked(X, "partial_fit", reset=first), X if is_chunked(X) else None
        recipe = self._recipe(X)
        if first:
            self.rng_, self.history_, self.converged_ = draws(self.random_state), [], True
            self._started, state = self._given(FIXED), None
        else:
            check_unchanged(self, self._n_atoms, recipe.k)
            X = array_namespace(X).astype(X, self.components_.dtype, copy=False)
            state = self.past_
            assert state is not None
        start = self._moved(self.dict_init, X, "dict_init")
        samples = one_batch(X if chunks is None else chunks, sample_weight, self.missing)
        if recipe.aim is not None and not first:
            recipe = recipe.at(self.alpha_ if self._found else self.alpha)
        step, alpha = online_step(samples, state, recipe, start, self.rng_)
        with memory_to_learn(X, recipe):
            dictionary = step.dictionary
        self.components_, self.past_, self.n_steps_ = dictionary, step.state, step.state.step
        self._keep_alpha(alpha)
        self.dual_gap_ = step.gap if chunks is None else X[:0, 0]
        self.history_.append(step.progress)
        self.converged_ = self.converged_ and step.converged

    def _recipe(self, X: Array) -> Recipe:
        """Return how a step is made, by `fit` or by `partial_fit`."""
        return online_recipe(
            X,
            self.n_components,
            method=parameters.choice(self.fit_algorithm, "fit_algorithm", methods()),
            method_max_iter=self.transform_max_iter,
            weighted=self.missing is not None,
            **self._fit_alpha(),
            **self._given("positive_code positive_dict n_jobs fit_n_nonzero_coefs"),
        )

    def _alpha(self) -> float | None:
        return transform_alpha(self)

    _A = property(lambda self: self._sums().gram, doc="scikit-learn's name for UᵀU, (k, k).")
    _B = property(lambda self: self._sums().cov, doc="scikit-learn's name for XᵀU, (d, k).")

    def _sums(self) -> Quadratic:
        """Return the long memory, in the dtype of the atoms."""
        assert self.past_ is not None
        if is_apart(self.past_.long):
            raise ValueError(
                f"UᵀU and XᵀU of {self._n_atoms} atoms were asked for, and of so many only what "
                "each needs alone is kept. Take components_: there is no exchange of the past."
            )
        return astype(self.past_.long, self.components_.dtype)
