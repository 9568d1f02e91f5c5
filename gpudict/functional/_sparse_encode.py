"""`sparse_encode`, over `translation.coding`."""

from __future__ import annotations

from functools import partial
from typing import Any

from gpudict.arrays import check
from gpudict.arrays.chunks.rowwise import rowwise
from gpudict.arrays.door import Array, array_namespace, asarray_like, to_host
from gpudict.arrays.home import at_home
from gpudict.arrays.plain import array_like, plain
from gpudict.coding.few import at_once
from gpudict.coding.request import Request
from gpudict.learning.parts import chunks_of, elsewhere
from gpudict.solvers.docstrings import documented
from gpudict.translation.coding import encoded
from gpudict.translation.words import algorithms

PLAIN = ("lasso_cd", 1000, 0)  # the algorithm, its most iterations, and no word on them


@documented(algorithms=algorithms)
@at_home
def sparse_encode(
    X: Any,
    dictionary: Any,
    *,
    gram: Array | None = None,
    cov: Array | None = None,
    algorithm: str = "lasso_cd",
    n_nonzero_coefs: int | None = None,
    alpha: float | None = None,
    copy_cov: bool = True,
    init: Array | None = None,
    max_iter: int = 1000,
    n_jobs: int | None = None,
    check_input: bool = True,
    verbose: int = 0,
    positive: bool = False,
) -> Array:
    """Code the rows of X sparsely over a dictionary: X ≈ code · dictionary.

    Parameters
    ----------
    X : array (n, d)
        Data, of any library that follows the array API standard, or what scikit-learn takes: a
        sequence of sequences, a frame, objects that are numbers. float16 and bfloat16 are read as
        float32.
    dictionary : array (k, d)
        Atoms in rows, of the library and device of X.
    gram : array (k, k), optional
        The product dictionary · dictionaryᵀ, if it is at hand. Honoured by every algorithm.
    cov : array (k, n), optional
        The product dictionary · Xᵀ, if it is at hand. Honoured by every algorithm.
    algorithm : str
        'lasso_cd' is the fastest certified solver for this array, 'lasso_lars' the exact homotopy,
        'lars' least-angle regression. One of <algorithms>.
    n_nonzero_coefs : int, optional
        The non-zeros of 'lars', 'omp' and 'ols'; max(1, d // 10), at most k, by default.
    alpha : float, optional
        Weight of ‖u‖₁ against ½‖x − uV‖² for the lasso, the threshold for 'threshold'; 1 by
        default. For 'omp' and 'ols' without n_nonzero_coefs, the squared error ‖x − uV‖² to reach.
    copy_cov : bool
        Ignored: no input is ever written.
    init : array (n, k), optional
        Codes to start from.
    max_iter : int
        The most iterations of the solver.
    n_jobs : int, optional
        Threads for NumPy arrays: None as many as BLAS would use, -1 all.
    check_input : bool
        False skips the look for NaN and infinity in X and dictionary.
    verbose : int
        1 and more write a line about the solution.
    positive : bool
        Ask for codes ≥ 0; possible with every algorithm.

    Returns
    -------
    code : array (n, k)
        Of the library, device and dtype of X.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        A row's duality gap is above 1e-8·½‖x‖² (1e-5 in float32) after max_iter iterations.

    References
    ----------
    Efron, Hastie, Johnstone and Tibshirani (2004) for 'lars'; Rubinstein, Zibulevsky and Elad
    (2008) for 'omp'; Chen, Billings and Luo (1989) for 'ols'; Beck and Teboulle (2009)
    for 'lasso_fista'.

    Examples
    --------
    >>> from gpudict import sparse_encode
    >>> X = [[-1.0, -1.0, -1.0], [0.0, 0.0, 3.0]]
    >>> V = [[0.0, 1.0, 0.0], [-1.0, -1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0]]
    >>> sparse_encode(X, V, alpha=1e-10, algorithm="lasso_lars").round(6) + 0.0
    array([[ 0.,  0., -1.,  0.,  0.],
           [ 0.,  1.,  1.,  0.,  0.]])
    """
    usual = gram is cov is init is None and (algorithm, max_iter, verbose) == PLAIN
    if usual and (few := at_once(X, dictionary, alpha, positive, n_jobs)) is not None:
        return few.Z
    if (there := elsewhere(X)) is not None:
        options: dict[str, Any] = {"algorithm": algorithm, "n_nonzero_coefs": n_nonzero_coefs}
        options |= {"alpha": alpha, "max_iter": max_iter, "n_jobs": n_jobs, "positive": positive}
        options |= {"check_input": check_input}
        V = to_host(plain(array_like(dictionary, "dictionary"), "dictionary"))
        code = partial(_of_chunk, V, gram, options)
        return rowwise(code, chunks_of(there), cov=None if cov is None else cov.T, init=init)
    X, V = array_like(X, "X"), array_like(dictionary, "dictionary")
    X, V = check.samples_and_atoms(X, V, ("X", "dictionary"), wide=True, finite=check_input)
    n, k = X.shape[0], V.shape[0]
    gram, cov, init = (
        None
        if a is None
        else check.shaped(check.matrix(array_like(a, name), name, like=X), name, s, why)
        for a, name, s, why in (
            (gram, "gram", (k, k), "it is dictionary · dictionaryᵀ"),
            (cov, "cov", (k, n), "it is dictionary · Xᵀ"),
            (init, "init", (n, k), "a code has an entry for each atom"),
        )
    )
    cov = None if cov is None else array_namespace(cov).matrix_transpose(cov)
    return encoded(
        Request(X, V, init, gram, cov),
        algorithm,
        n_nonzero_coefs=n_nonzero_coefs,
        alpha=alpha,
        max_iter=max_iter,
        n_jobs=n_jobs,
        verbose=verbose,
        positive=positive,
    ).Z


def _of_chunk(
    V: Any, gram: Any, options: dict[str, Any], rows: Array, cov: Any, init: Any
) -> Array:
    """Return the codes of the rows of a chunk."""
    given = (V, gram, None if cov is None else cov.T, init)
    V, gram, cov, init = (None if a is None else asarray_like(a, rows) for a in given)
    return sparse_encode(rows, V, gram=gram, cov=cov, init=init, **options)
