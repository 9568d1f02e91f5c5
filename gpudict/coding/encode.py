"""`encode`: codes of rows over given atoms, each with its certificate."""

from __future__ import annotations

from typing import Any

from gpudict.arrays import parameters
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import Array
from gpudict.arrays.home import at_home
from gpudict.arrays.per_entry import refuse
from gpudict.arrays.rows import Rows
from gpudict.arrays.sources.stream import Stream, as_stream, is_source
from gpudict.coding.alpha.sample import alpha_for
from gpudict.coding.asked import Asked, coded
from gpudict.coding.chunks import in_chunks
from gpudict.coding.each import for_each
from gpudict.coding.few import few_at_once
from gpudict.coding.leading import Folds
from gpudict.coding.parts import in_parts
from gpudict.coding.silence import say_silent
from gpudict.objective.penalties.contract import CertifiedPenalty, checked
from gpudict.solvers.docstrings import documented
from gpudict.solvers.records import Solution
from gpudict.solvers.registry import solver_names


@documented(solvers=solver_names)
@few_at_once
@for_each
@at_home
def encode(
    X: Array | Stream,
    V: Array,
    /,
    *,
    alpha: float | Array | None = None,
    penalty: CertifiedPenalty | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
    target_nonzeros: float | None = None,
    explained_variance: float | None = None,
    positive: bool = False,
    solver: str = "cd",
    tol: float | None = None,
    max_iter: int | None = None,
    init: Array | None = None,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    sparse_output: bool = False,
    out: Any = None,
    devices: Any = None,
    time_limit: float | None = None,
    entry_weight: Array | None = None,
    missing: str | None = None,
) -> Solution:
    """Code each row of X sparsely over the atoms in the rows of V.

    With `alpha` it solves the lasso, min ½‖x − u V‖² + alpha·‖u‖₁, to a certified gap. With
    `n_nonzero_coefs` or `target_error` instead it runs a pursuit: 'omp', 'ols' (which takes the
    atom that lowers the error most) or 'lars'. Products keep the full precision
    of the dtype, whatever TF32 or autocast is set to.

    Parameters
    ----------
    X : array (n, d), or (…, d), a stream, or a Dask array
        Data, a sample a row; NumPy, CuPy, PyTorch, JAX, dpnp or array-api-strict, float32, float64
        or integers. Its library, device and dtype are those of the result; of float16 and bfloat16
        it is computed in float32, and codes are that. What is given or returned for each row has
        the leading dimensions of X, if there are more than one. Codes of a Dask array are Dask
        arrays, made when they are computed, and their rounds are not known.
    V : array (k, d)
        Dictionary, of the library and device of X. Its atoms need not have norm 1; the code of an
        atom that is zero is zero. V (b, k, d) are dictionaries for each of X (b, n, d), or for a
        row each, X (b, d): all there is of codes has b first then. Small ones on the host are coded
        together; others, one after the other.
    alpha : float or array (n,), or (…), optional
        Weight of ‖u‖₁ against ½‖x − uV‖², in units of X·V, for all rows or for each; of several
        dictionaries (b,) or (b, n). 0 for all is least squares, of least norm.
    penalty : L1, ElasticNet, WeightedL1 or GroupL2, optional
        In place of alpha, what is added to ½‖x − uV‖², with an alpha and a sign of its own; the gap
        bounds that objective. An elastic net is the lasso of the Gram V Vᵀ + ridge·I, and weights
        (k,) from 1e-5 to 1e5 are the lasso over atoms v/w: each solver of the lasso takes these.
    n_nonzero_coefs : int, optional
        Pursuits: the most non-zeros a row.
    target_error : float
        Pursuits: a row is done once ‖x − uV‖² is at most this, in squared units of X.
    target_nonzeros, explained_variance : float, optional
        In place of alpha: the mean of the non-zeros a row, or the share of the variance of X (1 −
        Σ‖x − uV‖²/Σ‖x − x̄‖²) that the codes shall have. The alpha that leads there is found on some
        thousand rows, the same ones each time, and is the solution's `alpha`.
    positive : bool
        Ask for u ≥ 0. 'omp' and 'ols' pass over an atom that would make a code negative.
    solver : str
        'cd', the fastest one for this problem and this array (for the lasso compiled: 'active_set'
        on the host, or above 4,096 atoms 'gathered_set', which forms no Gram of them; on CUDA
        devices 'warp_active_set'; 'working_set' elsewhere); or, by
        name: <solvers>.
    tol : float, optional
        A row is converged when its gap ≤ tol·½‖x‖²; 1e-8 in float64 and 1e-5 in float32.
    max_iter : int, optional
        The most iterations (rounds, sweeps) of a batch; a limit that is rarely met by default.
    init : array (n, k), or (…, k), optional
        Codes to start from.
    batch_size : int, optional
        Rows at a time, for the portable solvers; None takes as many as fit half of the memory that
        is free on a GPU. A batch for which memory does not suffice is halved.
    n_jobs : int, optional
        Threads, for arrays of the host: None as many as BLAS would use (1 inside a joblib worker),
        -1 all. Other libraries thread by themselves.
    sparse_output : bool
        Give the codes as a sparse matrix in compressed rows (SciPy's, PyTorch's, CuPy's), without
        ever making the dense one.
    out : array-like (n, k), or path, optional
        What codes are written into, rows at a time as they come, in place of an array in memory:
        whatever takes `out[low:high] = codes` of NumPy's, such as a `numpy.memmap`, an array of
        zarr or a dataset of h5py. Or a path, to which they go as a sparse matrix, which is there
        once all of it is, and never whole in memory: a file .npz for `scipy.sparse.load_npz`, or a
        new folder .csr. That one `stream` reads, and SciPy without reading it: `csr_array((data,
        indices, indptr), shape=(n, k))`, where each is `numpy.load(Z / "data.npy", mmap_mode="r")`,
        or that of its own name. What came is returned as `Z`, a path as one of `pathlib`.
    devices : list of devices or 'all', optional
        Devices of X's library, as it names them, to spread the rows over, a block each; 'all' are
        those of the kind of X's. The codes are gathered where X is. None is where X is.
    time_limit : float, optional
        Seconds, after which no batch of rows, and no round of one, begins. Rows that are left have
        codes of zeros, and for their gap ½‖x‖². What is read as it is needed is read to its end.
    entry_weight : array (n, d), or (…, d), optional
        How much each entry of X counts, from 0 on: the lasso is min ½‖√w∘(x − uV)‖² + alpha·‖u‖₁,
        and its gap that of this very problem. X is not read where the weight is 0. For arrays,
        with 'cd', 'working_set', 'face_walk' or 'omp'.
    missing : 'nan', optional
        NaN in X, which is no stream, is an entry that is missing, and has the weight 0. A row of
        which nothing is there has the code 0 and the gap 0.

    Returns
    -------
    Solution
        `Z` (n, k) or (…, k), the codes, dense or sparse; `gap` (n,) or (…), the bound on objective
        − optimum, in float64 where the device has it (its dtype says which), inf for pursuits;
        `converged`, of that shape, whether gap ≤ tol·½‖x‖², or the pursuit's target was met;
        `n_iter`, of the batch that took longest; `history`; `alpha`; `status`, of each row a
        `gpudict.Status`. `summary()` says in numbers how many rows missed their tolerance, why, and
        how far.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.
    MemoryError
        The memory of the device is not enough for a single row.

    Warns
    -----
    UserWarning
        alpha is so large that every code is zero.

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso, eq. 1; the gap: Fercoq,
    Gramfort and Salmon (2015), Mind the duality gap, eq. 5.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 0.1], [-0.2, 2.0]])
    >>> V = np.eye(2)
    >>> solution = gpudict.encode(X, V, alpha=0.5)
    >>> solution.Z
    array([[2.5, 0. ],
           [0. , 1.5]])
    >>> bool(solution.converged.all())
    True
    """
    asked = Asked(
        penalty=checked(penalty),
        n_nonzero_coefs=n_nonzero_coefs,
        target_error=target_error,
        positive=positive,
        solver=solver,
        tol=tol,
        max_iter=max_iter,
        batch_size=None if batch_size is None else parameters.count(batch_size, "batch_size"),
        n_jobs=n_jobs,
        sparse_output=sparse_output,
        devices=devices,
        until=parameters.deadline(time_limit, "time_limit"),
        missing=missing,
    )
    if out is not None or is_chunked(X):
        refuse(entry_weight)
    if is_source(X):
        refuse(entry_weight, missing)
    rows = Folds.of(X, alpha, init, entry_weight, asked, out)
    X, alpha, init, entry_weight = rows[:4]
    targets = (target_nonzeros, explained_variance)
    alpha = alpha_for(*targets, alpha, X, V, asked, entry_weight)
    if is_chunked(X):
        return in_chunks(X, V, alpha, init, asked, out)._replace(alpha=alpha)
    if out is None and not is_source(X):
        found, *tops = coded(X, V, alpha, init, asked, entry_weight)
    else:
        found, tops = in_parts(as_stream(X) if is_source(X) else X, V, alpha, init, asked, out)
    silent = [top for top in tops if top is not None]
    pulls = "entry of X dictionaryᵀ" if penalty is None else "pull of a row on an atom or group"
    say_silent(max(silent) if len(silent) == len(tops) else None, pulls)
    found = found._replace(alpha=alpha)
    if isinstance(found.Z, Rows):
        return found._replace(Z=found.Z.matrix(V.shape[0], found.gap))
    return rows.back(found)
