"""`dict_learning`, over `translation.batch`."""

from __future__ import annotations

from typing import Any

from gpudict.arrays import check
from gpudict.arrays.home import at_home
from gpudict.arrays.plain import array_like
from gpudict.learning.parts import elsewhere
from gpudict.solvers.docstrings import documented
from gpudict.translation.batch import batch_learned
from gpudict.translation.words import Callback, methods


@documented(methods=methods)
@at_home
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
    method : str
        Solver of the codes. 'cd' is the fastest certified one for this array, 'lars' the exact
        homotopy; 'omp' and 'ols' take max(1, d // 10) atoms a row and no alpha. One of <methods>.
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
        Of the last iteration.
    dictionary : array (k, d)
        Atoms of norm 1.
    errors : array (n_iter,)
        The objective after each iteration. Like the others, of the library, device, dtype of X.
    n_iter : int
        Only with return_n_iter.

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
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, eq. 4.

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
    """
    there = elsewhere(X)
    learned = batch_learned(
        check.samples(array_like(X, "X")) if there is None else there,
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
