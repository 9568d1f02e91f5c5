"""`sparse_encode`, over `coding.solve`."""

from __future__ import annotations

from typing import Any

from gpudict import _check
from gpudict._array import Array, array_namespace, is_array, no_graph, read
from gpudict.coding import Solution, solve
from gpudict.functional._common import algorithms, asarray, default_sparsity, warn
from gpudict.problem import choose, penalty_of
from gpudict.reporting import Reporter


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
        Data, of any library that follows the array API standard, or a sequence of sequences.
    dictionary : array (k, d)
        Atoms in rows, of the library and device of X.
    gram : array (k, k), optional
        dictionary · dictionaryᵀ, if it is at hand. Honoured by every algorithm.
    cov : array (k, n), optional
        dictionary · Xᵀ, if it is at hand. Honoured by every algorithm.
    algorithm : str
        'lasso_cd' (the fastest certified solver for this array), 'lasso_lars' (the exact
        homotopy), 'lasso_fista', 'lasso_ista', 'lars' (least-angle regression), 'omp', 'threshold';
        also 'lasso_working_set' and 'lasso_cd_sweep'.
    n_nonzero_coefs : int, optional
        The non-zeros of 'lars' and 'omp'; max(1, d // 10), at most k, by default.
    alpha : float, optional
        Weight of ‖u‖₁ against ½‖x − uV‖² for the lasso, the threshold for 'threshold'; 1 by
        default. For 'omp' without n_nonzero_coefs, the squared error ‖x − uV‖² to reach.
    copy_cov : bool
        Ignored: no input is ever written.
    init : array (n, k), optional
        Codes to start from.
    max_iter : int
        The most iterations of the solver.
    n_jobs : int, optional
        Threads for NumPy arrays: None as many as BLAS would use, -1 all.
    check_input : bool
        False skips the checks of X and dictionary, which must then be float32 or float64 arrays.
    verbose : int
        1 and more write a line about the solution.
    positive : bool
        Ask for codes ≥ 0; possible with every algorithm.

    Returns
    -------
    code : array (n, k)
        Of the library, device and dtype of X.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        A row's duality gap is above 1e-8·½‖x‖² (1e-5 in float32) after max_iter iterations.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    Examples
    --------
    >>> from gpudict import sparse_encode
    >>> X = [[-1.0, -1.0, -1.0], [0.0, 0.0, 3.0]]
    >>> V = [[0.0, 1.0, 0.0], [-1.0, -1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0]]
    >>> sparse_encode(X, V, alpha=1e-10, algorithm="lasso_lars").round(6) + 0.0
    array([[ 0.,  0., -1.,  0.,  0.],
           [ 0.,  1.,  1.,  0.,  0.]])

    References
    ----------
    Efron, Hastie, Johnstone and Tibshirani (2004) for 'lars'; Rubinstein, Zibulevsky and Elad
    (2008) for 'omp'; Beck and Teboulle (2009) for 'lasso_fista'.
    """
    X, V = (no_graph(a) if is_array(a) else asarray(a) for a in (X, dictionary))
    if check_input:
        X = _check.matrix(X, "X")
        V = _check.matrix(V, "dictionary", like=X)
    _check.shaped(V, "dictionary", (None, X.shape[1]), "an atom has as many features as X")
    n, k = X.shape[0], V.shape[0]
    gram, cov, init = (
        None if a is None else _check.shaped(_check.matrix(asarray(a), name, like=X), name, s, why)
        for a, name, s, why in (
            (gram, "gram", (k, k), "it is dictionary · dictionaryᵀ"),
            (cov, "cov", (k, n), "it is dictionary · Xᵀ"),
            (init, "init", (n, k), "a code has an entry for each atom"),
        )
    )
    options: dict[str, Any] = {"init": init, "gram": gram, "cov": cov, "max_iter": max_iter}
    options |= {"n_nonzero_coefs": n_nonzero_coefs, "alpha": alpha, "positive": positive}
    return encoded(X, V, algorithm, n_jobs=n_jobs, verbose=verbose, **options).Z


def encoded(
    X: Array,
    V: Array,
    algorithm: str,
    *,
    n_nonzero_coefs: int | None = None,
    alpha: float | None = None,
    gram: Array | None = None,
    cov: Array | None = None,
    init: Array | None = None,
    max_iter: int = 1000,
    n_jobs: int | None = None,
    verbose: int = 0,
    positive: bool = False,
) -> Solution:
    """Return the solution for checked arrays, reported and warned of as scikit-learn does."""
    limits = _limits(algorithm, n_nonzero_coefs, alpha, V.shape)
    penalty = penalty_of(V.shape, *limits, positive)
    steps = None if algorithm in ("lars", "omp") else max_iter
    solver, k = algorithm.removeprefix("lasso_"), V.shape[0]
    problem = choose(X, k, penalty, solver=solver, tol=None, max_iter=steps)
    if cov is not None:
        xp = array_namespace(X)
        gram = V @ xp.matrix_transpose(V) if gram is None else gram
        cov = xp.matrix_transpose(cov)
    found = solve(X, V, problem, init=init, gram=gram, cov=cov, n_jobs=n_jobs)
    missed = _missed(X, found) if penalty.certified and algorithm != "threshold" else None
    if missed:
        warn(missed)
    if verbose:
        Reporter(verbose).solution(algorithm, found)
    return found


def _limits(
    algorithm: str, n_nonzero: int | None, alpha: float | None, shape: tuple[int, int]
) -> tuple[float | None, int | None, float]:
    """Return alpha, n_nonzero_coefs and target_error as `encode` wants them."""
    _check.choice(algorithm, "algorithm", algorithms())
    if algorithm not in ("lars", "omp"):
        return (1.0 if alpha is None else alpha), None, 0.0
    if algorithm == "omp" and n_nonzero is None and alpha:
        return None, None, alpha
    return None, default_sparsity(*shape) if n_nonzero is None else n_nonzero, 0.0


def _missed(X: Array, found: Solution) -> str | None:
    """Return a sentence on the rows that did not converge, or None."""
    xp = array_namespace(X)
    (count,) = read(xp.sum(xp.astype(~found.converged, X.dtype)))
    if not count:
        return None
    sq = xp.astype(xp.sum(X * X, axis=1), found.gap.dtype)
    (gap,) = read(xp.max(2 * found.gap / xp.where(sq > 0, sq, xp.ones_like(sq))))
    return (
        f"{count:.0f} of {X.shape[0]} codes did not converge in {found.n_iter} iterations; the "
        f"largest duality gap is {gap:.1e} of ½‖x‖²."
    )
