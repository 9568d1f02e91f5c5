"""`encode_path`: codes for one alpha after the other, each from those of the one before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check, parameters
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import Array, array_namespace, from_host
from gpudict.arrays.home import at_home
from gpudict.arrays.plain import reals
from gpudict.arrays.rows import Rows
from gpudict.arrays.sources.stream import Stream, is_source
from gpudict.coding.alpha.largest import largest, tops
from gpudict.coding.alpha.sample import some_rows_and_atoms
from gpudict.coding.alpha.warm import Warm
from gpudict.coding.silence import say_silent
from gpudict.solvers.docstrings import documented
from gpudict.solvers.records import Solution
from gpudict.solvers.registry import lasso_names


class Path(NamedTuple):
    """The codes of all rows along a path of alphas; the numbers of it are NumPy's.

    Attributes
    ----------
    alphas : (a,), descending
    codes : (a, n, k), or a list of a sparse matrices (n, k)
    gaps : (a, n), a bound on objective − optimum of each row
    converged : (a, n) bool, whether gap ≤ tol·½‖x‖²
    nonzeros : (a,), the mean number of codes of a row that are not zero
    explained_variance : (a,), 1 − Σ‖x − uV‖²/Σ‖x − x̄‖², x̄ being the mean of the rows: below 0
        where that is nearer to them, as with codes of zeros; NaN where all rows are alike
    objective : (a,), Σ ½‖x − uV‖² + alpha·‖u‖₁
    """

    alphas: np.ndarray
    codes: Any
    gaps: Array
    converged: Array
    nonzeros: np.ndarray
    explained_variance: np.ndarray
    objective: np.ndarray


@documented(solvers=lasso_names)
@at_home
def encode_path(
    X: Array | Stream,
    V: Array,
    /,
    alphas: Any = None,
    *,
    n_alphas: int = 20,
    eps: float = 1e-3,
    positive: bool = False,
    solver: str = "cd",
    tol: float | None = None,
    max_iter: int | None = None,
    n_jobs: int | None = None,
    sparse_output: bool = False,
) -> Path:
    """Code the rows of X for many alphas, from the largest to the smallest.

    The codes for each start from those for the one before. So one sees how many non-zeros, and how
    much of the data, an alpha buys, before one chooses it.

    Parameters
    ----------
    X : array (n, d), a stream, or a Dask array
        Data, as in `encode`; some hundred rows show the path of all. Of what is read as it is
        needed, and of a Dask array, it is the path of some thousand rows, the same ones each time.
    V : array (k, d)
        Dictionary, of the library and device of X.
    alphas : array-like (a,), optional
        The alphas, in any order. By default n_alphas of them, evenly in their logarithm, from
        `alpha_max` down to eps times it.
    n_alphas : int
        How many, where none are given. Dense codes take n_alphas·n·k numbers.
    eps : float
        The smallest alpha over the largest, where none are given.
    positive : bool
        Ask for u ≥ 0.
    solver : str
        Solver of the lasso, as in `encode`: <solvers>.
    tol, max_iter, n_jobs
        As in `encode`.
    sparse_output : bool
        Give the codes as a list of sparse matrices, one an alpha.

    Returns
    -------
    Path
        `alphas` (a,), descending; `codes` (a, n, k); `gaps` and `converged` (a, n); and of each
        alpha `nonzeros`, the mean of a row, `explained_variance` and `objective`, (a,), NumPy's.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    Warns
    -----
    UserWarning
        The alphas that were given are so large that every code is zero.

    References
    ----------
    Friedman, Hastie and Tibshirani (2010), Regularization paths for generalized linear models via
    coordinate descent, section 2.5.

    Examples
    --------
    >>> import gpudict
    >>> X, V, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=60, n_components=8, n_features=10, n_nonzero_coefs=2, random_state=0)
    >>> path = gpudict.encode_path(X, V, n_alphas=5)
    >>> path.codes.shape, bool((path.nonzeros[1:] >= path.nonzeros[:-1]).all())
    ((5, 60, 8), True)
    """
    if is_source(X) or is_chunked(X):
        X, V = some_rows_and_atoms(X, V)
    else:
        X, V = check.samples_and_atoms(X, V, wide=True)
    sparse = check.sparse_output(sparse_output, X)
    weights = _alphas(X, V, alphas, n_alphas, eps, positive=bool(positive))
    warm = Warm(X, V, None, bool(positive), solver, tol, max_iter, n_jobs)
    found, spread = None, warm.spread()
    told, codes, bounds = [], [], []
    for alpha in weights.tolist():
        found = warm.coded(alpha, found)
        told.append(warm.told(alpha, found, spread))
        codes.append(_shown(found, X, V.shape[0], sparse=sparse))
        bounds.append((found.gap, found.converged))
    stack = array_namespace(X).stack
    gaps, converged = map(stack, zip(*bounds, strict=True))
    nonzeros, *others = map(np.asarray, zip(*told, strict=True))
    if alphas is not None and not nonzeros.any():
        say_silent(largest(tops(X, V, positive=bool(positive))), "entry of X Vᵀ")
    codes = codes if sparse else stack(codes)
    return Path(weights, codes, gaps, converged, nonzeros, *others)


def _shown(found: Solution, X: Array, k: int, *, sparse: bool) -> Any:
    """Return codes as a dense array, or as a sparse matrix."""
    Z = found.Z
    if sparse:
        return (Z if isinstance(Z, Rows) else Rows.of(Z)).matrix(k, X)
    return from_host(Z.dense(k), X) if isinstance(Z, Rows) else Z


def _alphas(
    X: Array, V: Array, alphas: Any, n_alphas: int, eps: float, *, positive: bool
) -> np.ndarray:
    """Return the alphas of a path, descending."""
    if alphas is not None:
        given = reals(alphas, "alphas", flags=False)
        if given.ndim != 1 or not given.size or not np.isfinite(given).all() or given.min() < 0:
            raise ValueError(
                f"alphas must be one number or more in a row, finite and not negative, but "
                f"{alphas!r} came. Pass such a sequence, or n_alphas."
            )
        return np.sort(given)[::-1]
    count, eps = parameters.count(n_alphas, "n_alphas"), parameters.number(eps, "eps")
    if not 0 < eps < 1:
        raise ValueError(
            f"eps must be between 0 and 1, but {eps} came: it is the smallest alpha over the "
            "largest. Pass such a number, or alphas."
        )
    top = largest(tops(X, V, positive=positive))
    if not top > 0:
        raise ValueError(
            "No entry of X Vᵀ is above 0, so that all codes are zero whatever alpha is. Pass other "
            "data or atoms, or alphas."
        )
    return np.geomspace(top, eps * top, count)
