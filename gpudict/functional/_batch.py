"""`dict_learning`, over `learning.learn`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gpudict import _check
from gpudict.alternating import Iteration
from gpudict.functional._common import Callback, asarray, coding, start_of, warn
from gpudict.learning import Learned, learn
from gpudict.reporting import Reporter

EVERY = 5  # iterations between two calls of the callback


def dict_learning(
    X: Any,
    n_components: int | None,
    *,
    alpha: float,
    max_iter: int = 100,
    tol: float = 1e-8,
    method: str = "cd",
    n_jobs: int | None = None,
    dict_init: Any = None,
    code_init: Any = None,
    callback: Callback | None = None,
    verbose: int = False,
    random_state: Any = None,
    return_n_iter: bool = False,
    positive_dict: bool = False,
    positive_code: bool = False,
    method_max_iter: int = 1000,
) -> tuple[Any, ...]:
    """Learn a dictionary: min ½‖X − UV‖²_F + alpha·‖U‖₁,₁ over U and V with ‖V_k‖₂ = 1.

    Parameters
    ----------
    X : array (n, d)
        Data, of any library that follows the array API standard, or a sequence of sequences.
    n_components : int or None
        Number of atoms k; None is d.
    alpha : float
        Weight of ‖U‖₁,₁.
    max_iter : int
        The most iterations.
    tol : float
        Stop when an iteration lowers the objective by less than tol times it.
    method : {'cd', 'lars', 'omp', 'fista', 'ista', 'active_set', 'working_set', 'cd_sweep'}
        Solver of the codes. 'cd' is the fastest certified one for this array, 'lars' the exact
        homotopy; 'omp' takes max(1, d // 10) atoms a row and no alpha.
    n_jobs : int, optional
        Threads for NumPy arrays: None as many as BLAS would use, -1 all.
    dict_init : array (m, d), 'svd' or 'data', optional
        Atoms to start from; the SVD of X by default. Normalised, their norms moved into the codes;
        cut, or completed with samples, to k.
    code_init : array (n, m), optional
        Codes to start from.
    callback : callable, optional
        Called at iterations 0, 5, 10, … with a mapping: 'iteration', 'code', 'dictionary',
        'errors' (list so far), 'cost', 'gap' (largest, relative to ½‖x‖²), 'unused' and 'seconds'.
    verbose : int
        1 writes a dot an iteration, 2 a line.
    random_state : None, int, numpy RandomState or Generator
        Draws the samples that revive unused atoms.
    return_n_iter : bool
        Whether to return n_iter.
    positive_dict, positive_code : bool
        Ask for V ≥ 0, for U ≥ 0.
    method_max_iter : int
        The most iterations of the solver of the codes.

    Returns
    -------
    code : array (n, k)
    dictionary : array (k, d)
        Atoms of norm 1.
    errors : array (n_iter,)
        The objective after each iteration. Like the others, of the library, device, dtype of X.
    n_iter : int
        Only with return_n_iter.

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
    >>> import numpy as np
    >>> from gpudict import datasets, dict_learning
    >>> X, _, _ = datasets.make_sparse_coded_signal(
    ...     n_samples=30, n_components=15, n_features=20, n_nonzero_coefs=10, random_state=42)
    >>> code, dictionary, errors = dict_learning(X, 15, alpha=0.1, random_state=42)
    >>> 0.55 < np.mean(code == 0) < 0.7
    np.True_
    >>> np.allclose(np.linalg.norm(dictionary, axis=1), 1)
    True

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, eq. 4.
    """
    learned = batch_learned(
        X,
        n_components,
        alpha=alpha,
        method=method,
        method_max_iter=method_max_iter,
        callback=callback,
        verbose=verbose,
        max_iter=max_iter,
        tol=tol,
        dict_init=dict_init,
        code_init=code_init,
        positive_dict=positive_dict,
        positive_code=positive_code,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    found = (learned.code, learned.dictionary, learned.objective)
    return (*found, learned.n_iter) if return_n_iter else found


def batch_learned(
    X: Any,
    n_components: int | None,
    *,
    alpha: float,
    method: str,
    method_max_iter: int,
    callback: Callback | None = None,
    verbose: int = False,
    watch: Callable[[Iteration], object] | None = None,
    **options: Any,
) -> Learned:
    """Return what `learn` does with scikit-learn's names, reports, callback and warning.

    `watch` sees every iteration, and stops learning where it returns True. The options are those of
    `learn`.
    """
    X = _check.matrix(asarray(X), "X")
    reporter = Reporter(verbose)
    reporter.begin()
    errors: list[float] = []

    def see(it: Iteration) -> object:
        errors.append(it.progress.objective)
        reporter.iteration(it.progress)
        if callback is not None and it.progress.iteration % EVERY == 0:
            callback(_mapping(it, errors))
        return None if watch is None else watch(it)

    options["dict_init"] = start_of(options.get("dict_init"))
    if options.get("code_init") is not None:
        options["code_init"] = asarray(options["code_init"])
    how = coding(X, n_components, method, alpha, method_max_iter)
    learned = learn(X, n_components, callback=see, **how, **options)
    reporter.end(learned, options["max_iter"])
    if not learned.converged:
        warn(f"The codes of an iteration missed their tolerance after {method_max_iter} steps.")
    return learned


def _mapping(it: Iteration, errors: list[float]) -> Mapping[str, Any]:
    """Return what the callback gets: a documented mapping, not the loop's own names."""
    return {
        "iteration": it.progress.iteration,
        "code": it.code,
        "dictionary": it.dictionary,
        "errors": list(errors),
        "cost": it.progress.objective,
        "gap": it.progress.gap,
        "unused": it.progress.unused,
        "seconds": it.progress.seconds,
    }
