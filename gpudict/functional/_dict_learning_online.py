"""`dict_learning_online`, over `translation.online`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gpudict.arrays import check
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import Array, asarray_like
from gpudict.arrays.home import at_home
from gpudict.arrays.plain import array_like
from gpudict.arrays.sources.by_batches import over_batches
from gpudict.arrays.sources.stream import as_stream, is_source
from gpudict.coding.request import Request
from gpudict.translation.coding import encoded
from gpudict.translation.online import online_learned, online_recipe, source_of
from gpudict.translation.words import Callback, algorithm_of, is_pursuit


@at_home
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
        Data, of any library that follows the array API standard, a sequence of sequences, or what
        `stream` takes but paths.
    n_components : int or None
        Number of atoms k; None is d.
    alpha : float
        Weight of ‖U‖₁,₁.
    max_iter : int
        The most passes over the data.
    return_code : bool
        Whether to code X with the dictionary at the end and return that too.
    dict_init : array (m, d), 'svd' or 'data', optional
        Atoms to start from, as in `dict_learning`; by default 'svd' of some of the samples where
        n_components < d, else 'data'.
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

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        A row's code missed its tolerance within method_max_iter iterations.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1.

    Examples
    --------
    >>> from gpudict import datasets, dict_learning_online
    >>> X, _, _ = datasets.make_sparse_coded_signal(
    ...     n_samples=30, n_components=15, n_features=20, n_nonzero_coefs=10, random_state=42)
    >>> code, dictionary = dict_learning_online(
    ...     X, 15, alpha=0.2, max_iter=20, batch_size=3, random_state=42)
    >>> code.shape, dictionary.shape
    ((30, 15), (15, 20))
    """
    if not is_chunked(X):
        X = as_stream(X) if is_source(X) else check.samples(array_like(X, "X"))
    source = source_of(X, batch_size)
    recipe = online_recipe(
        source.first.X,
        n_components,
        alpha=alpha,
        method=method,
        method_max_iter=method_max_iter,
        positive_code=positive_code,
        positive_dict=positive_dict,
        n_jobs=n_jobs,
    )
    learned = online_learned(
        source,
        recipe,
        max_iter=max_iter,
        shuffle=shuffle,
        tol=tol,
        max_no_improvement=max_no_improvement,
        dict_init=dict_init,
        callback=callback,
        verbose=verbose,
        random_state=random_state,
    )
    if not return_code:
        return learned.dictionary
    algorithm = algorithm_of(method)
    options = {
        "alpha": None if is_pursuit(algorithm) else alpha,
        "max_iter": method_max_iter,
        "n_jobs": n_jobs,
        "positive": positive_code,
    }
    code = partial(_coded, learned.dictionary, algorithm, options)
    held = not is_chunked(X) and not is_source(X)  # and so checked
    return code(X) if held else over_batches(partial(_checked, code), X), learned.dictionary


def _checked(code: Callable[[Array], Array], rows: Array) -> Array:
    """Return the codes of rows as they are read."""
    return code(check.samples(rows))


def _coded(V: Array, algorithm: str, options: dict[str, Any], rows: Array) -> Array:
    """Return the codes of rows that are checked."""
    return encoded(Request(rows, asarray_like(V, rows)), algorithm, **options).Z
