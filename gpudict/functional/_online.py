"""`dict_learning_online`, over `online.learn_online`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gpudict import _check
from gpudict._array import Array
from gpudict.functional._common import Callback, asarray, coding, start_of, warn
from gpudict.functional._encode import sparse_encode
from gpudict.learning import Learned
from gpudict.online import Batch, Patience, State, begin, learn_online, step
from gpudict.reporting import BatchReporter
from gpudict.streaming import Samples
from gpudict.updates import recipe


def dict_learning_online(
    X: Any,
    n_components: int | None = 2,
    *,
    alpha: float = 1,
    max_iter: int = 100,
    return_code: bool = True,
    dict_init: Any = None,
    callback: Callback | None = None,
    batch_size: int = 256,
    verbose: int = False,
    shuffle: bool = True,
    n_jobs: int | None = None,
    method: str = "cd",
    random_state: Any = None,
    positive_dict: bool = False,
    positive_code: bool = False,
    method_max_iter: int = 1000,
    tol: float = 1e-3,
    max_no_improvement: int | None = 10,
) -> Any:
    """Learn a dictionary from mini-batches of X.

    Parameters
    ----------
    X : array (n, d)
        Data, of any library that follows the array API standard, or a sequence of sequences.
    n_components : int or None
        Number of atoms k; None is d.
    alpha : float
        Weight of ‖U‖₁,₁.
    max_iter : int
        The most passes over the data.
    return_code : bool
        Whether to code X with the dictionary at the end and return that too.
    dict_init : array (m, d), 'svd' or 'data', optional
        Atoms to start from, as in `dict_learning`. From 'data' it often ends lower than from the
        default.
    callback : callable, optional
        Called at every step with a mapping: 'step', 'n_steps', 'code', 'dictionary', 'batch_cost',
        'ewa_cost' (the smoothed cost, NaN at first), 'gap', 'unused' and 'seconds' (of the step).
    batch_size : int
        Samples a step.
    verbose : int
        1 and more write a line a step.
    shuffle : bool
        Whether to shuffle the rows once.
    tol : float
        Stop when a step changes the dictionary by less: ‖V − V₋‖_F ≤ tol·k; 0 never.
    max_no_improvement : int, optional
        Stop after that many steps without a new lowest smoothed cost; None never.
    method, n_jobs, random_state, positive_dict, positive_code, method_max_iter
        As in `dict_learning`.

    Returns
    -------
    code : array (n, k)
        Only with return_code.
    dictionary : array (k, d)
        Atoms of norm 1.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        A row's code missed its tolerance within method_max_iter iterations.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    Examples
    --------
    >>> from gpudict import datasets, dict_learning_online
    >>> X, _, _ = datasets.make_sparse_coded_signal(
    ...     n_samples=30, n_components=15, n_features=20, n_nonzero_coefs=10, random_state=42)
    >>> code, dictionary = dict_learning_online(
    ...     X, 15, alpha=0.2, max_iter=20, batch_size=3, random_state=42)
    >>> code.shape, dictionary.shape
    ((30, 15), (15, 20))

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1.
    """
    X = _check.matrix(asarray(X), "X")
    learned = online_learned(
        X,
        n_components,
        alpha=alpha,
        method=method,
        method_max_iter=method_max_iter,
        callback=callback,
        verbose=verbose,
        batch_size=batch_size,
        max_iter=max_iter,
        shuffle=shuffle,
        tol=tol,
        max_no_improvement=max_no_improvement,
        dict_init=dict_init,
        positive_dict=positive_dict,
        positive_code=positive_code,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    if not return_code:
        return learned.dictionary
    name, weight = ("omp", None) if method == "omp" else (f"lasso_{method}", alpha)
    options: dict[str, Any] = {"max_iter": method_max_iter, "n_jobs": n_jobs}
    options |= {"algorithm": name, "alpha": weight, "positive": positive_code}
    code = sparse_encode(X, learned.dictionary, **options)
    return code, learned.dictionary


def online_learned(
    X: Array,
    n_components: int | None,
    *,
    alpha: float,
    method: str,
    method_max_iter: int,
    callback: Callback | None = None,
    verbose: int = False,
    watch: Callable[[Batch], object] | None = None,
    **options: Any,
) -> Learned:
    """Return what `learn_online` does with scikit-learn's names, reports, callback and warning.

    `watch` sees every step, and stops learning where it returns True. The options are those of
    `learn_online`.
    """
    reporter = BatchReporter(verbose)
    reporter.begin()
    most = n_steps(X, options["batch_size"], options["max_iter"])

    def see(batch: Batch, patience: Patience, reason: str | None) -> object:
        reporter.step(batch, patience, reason, most)
        if callback is not None:
            callback(_mapping(batch, patience, most))
        return None if watch is None else watch(batch)

    options["dict_init"] = start_of(options.get("dict_init"))
    how = coding(X, n_components, method, alpha, method_max_iter)
    learned = learn_online(X, n_components, callback=see, **how, **options)
    if not learned.converged:
        warn(f"The codes of a step missed their tolerance after {method_max_iter} iterations.")
    return learned


def online_step(
    samples: Samples,
    state: State | None,
    rng: Any,
    n_components: int | None,
    *,
    alpha: float,
    method: str,
    method_max_iter: int,
    dict_init: Any = None,
    positive_code: bool = False,
    positive_dict: bool = False,
    n_jobs: int | None = None,
) -> Batch:
    """Make one step from a state, or the first one, with scikit-learn's names and warning."""
    told = coding(samples.X, n_components, method, alpha, method_max_iter)
    told |= {"positive_code": positive_code, "positive_dict": positive_dict}
    how = recipe(samples.X, n_components, **told)
    if state is None:
        state = begin(samples, how, dict_init, rng)
    batch = step(state, samples, how, rng, n_jobs)
    if not batch.converged:
        warn(f"The codes of the batch missed their tolerance after {method_max_iter} iterations.")
    return batch


def n_steps(X: Array, batch_size: int, max_iter: int) -> int:
    """Return the most steps of that size in so many passes over X."""
    size = min(_check.count(batch_size, "batch_size"), int(X.shape[0]))
    return -(-int(X.shape[0]) // size) * _check.count(max_iter, "max_iter", minimum=0)


def _mapping(batch: Batch, patience: Patience, most: int) -> Mapping[str, Any]:
    """Return what the callback gets: a documented mapping, not the loop's own names."""
    return {
        "step": batch.state.step,
        "n_steps": most,
        "code": batch.code,
        "dictionary": batch.dictionary,
        "batch_cost": batch.progress.objective,
        "ewa_cost": patience.cost,
        "gap": batch.progress.gap,
        "unused": batch.progress.unused,
        "seconds": batch.progress.seconds,
    }
