"""`learn`: alternating dictionary learning; it checks, and hands on to `batch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpudict.arrays import check, parameters
from gpudict.arrays.door import Array
from gpudict.arrays.home import at_home
from gpudict.arrays.per_entry import is_weighted
from gpudict.learning.alternate import Iteration
from gpudict.learning.batch import learned_from
from gpudict.learning.checkpoint import EVERY, Checkpoint
from gpudict.learning.each import of_each
from gpudict.learning.far import Far
from gpudict.learning.parts import elsewhere, rows_of
from gpudict.learning.records import Learned
from gpudict.learning.updates import (
    recipe_for,
    updates,
)
from gpudict.objective.penalties.contract import CertifiedPenalty
from gpudict.solvers.docstrings import documented
from gpudict.solvers.registry import solver_names


@documented(solvers=solver_names, updates=updates)
@of_each
@at_home
def learn(
    X: Array,
    /,
    n_components: int | None = None,
    *,
    alpha: float | None = None,
    penalty: CertifiedPenalty | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
    target_nonzeros: float | None = None,
    explained_variance: float | None = None,
    solver: str = "cd",
    dictionary_update: str = "auto",
    max_iter: int = 100,
    tol: float = 1e-8,
    code_tol: float | None = None,
    code_max_iter: int | None = None,
    dict_init: Array | str | None = None,
    code_init: Array | None = None,
    positive_code: bool = False,
    positive_dict: bool = False,
    sample_weight: Any = None,
    callback: Callable[[Iteration], object] | None = None,
    random_state: Any = None,
    n_jobs: int | None = None,
    devices: Any = None,
    checkpoint: Any = None,
    checkpoint_every: float = EVERY,
    resume: bool = False,
    time_limit: float | None = None,
    entry_weight: Array | None = None,
    missing: str | None = None,
) -> Learned:
    """Learn a dictionary for X: min ½‖X − UV‖² + alpha·‖U‖₁ over U and unit atoms V.

    Parameters
    ----------
    X : array (n, d), a stream, or a Dask array
        Data, a sample a row, of any library that follows the standard. Its library, device and
        dtype are those of the result, float32 for float16 and bfloat16. A stream, a sparse matrix
        or what is sliced is read anew in each iteration, and no codes are kept; the chunks of a
        Dask array stay where they are.
        X (b, n, d) are b problems, each with a dictionary of its own: stains of slides, one X with
        many seeds. Then alpha (b,), dict_init (b, m, d), code_init (b, n, m), sample_weight (b, n)
        and random_state, a list, may be those of each. Small ones on the host are learned together.
    n_components : int, optional
        Number of atoms k; d by default.
    alpha, penalty, n_nonzero_coefs, target_error
        What a code is, as in `encode`.
    target_nonzeros, explained_variance : float, optional
        In place of alpha, as in `encode`, for codes over the learned atoms. In half of the
        iterations, 40 at most, alpha follows the atoms, by what some thousand rows reach with them.
        Then it stays, and the record begins: `objective` is for one alpha, the result's `alpha`.
    solver : str
        Solver of the codes, as in `encode`: <solvers>.
    dictionary_update : str
        One of <updates>: the exact sweep over the atoms; majorise-minimise steps on all of them at
        once; or, for pursuits, 'ksvd', an atom at a time with its codes in the rows that use it.
        'auto' is the sweep on the host, mm on a GPU, where launches are what costs.
    max_iter : int
        The most iterations.
    tol : float
        Stop when an iteration lowers the objective by less than tol times it; with a pursuit, whose
        choices can raise it, when it moves by less. The best iterate is returned.
    code_tol : float, optional
        Relative gap of the codes; 1e-8 in float64 and 1e-5 in float32.
    code_max_iter : int, optional
        The most iterations of the code's solver.
    dict_init : array (m, d), 'svd' or 'data', optional
        Atoms to start from, normalised, cut or completed to k with samples; the SVD of X (the
        default); or random samples.
    code_init : array (n, m), optional
        Codes to start from.
    positive_code, positive_dict : bool
        Ask for U ≥ 0, for V ≥ 0.
    sample_weight : array-like (n,), optional
        How much each sample counts, 2 as if it were there twice; the objective is the sum over
        samples of w·(½‖x − uV‖² + alpha·‖u‖₁).
    callback : callable, optional
        Called with the `Iteration` after each iteration; learning stops if it returns True.
    random_state : None, int, numpy RandomState or Generator
        Draws the samples that revive unused atoms. One seed gives the same on every backend.
    n_jobs : int, optional
        Threads, as in `encode`.
    devices : list of devices or 'all', optional
        Devices of X's library to code on, as in `encode`. Each keeps its block of X and the block's
        codes; the atoms go to all, sums come back, and the atoms are updated where X is.
    checkpoint : str or path-like, optional
        A file that learning is kept in as it goes on: written at the end, at an error or a Ctrl-C,
        and on the way. It is whole at any moment, has a checksum, and no pickle in it.
    checkpoint_every : float
        Seconds from one write to the next, or a little more: until what is being made then is over.
        0 writes after each iteration. A disk that is full is warned of once, and tried again.
    resume : bool
        Go on from the checkpoint, if it is there. However a run was ended, the same call gives the
        result that it would have given, bit for bit; a run that was over gives it at once, or goes
        on if max_iter is larger now and there is no target. What a run of other data or parameters
        wrote is refused, and stays as it is.
    time_limit : float, optional
        Seconds, after which no iteration begins. What is there is returned, and a checkpoint can be
        gone on from.
    entry_weight : array (n, d), optional
        How much each entry of an array X counts, from 0 on; the objective is
        ½‖√w∘(X − UV)‖² + alpha·‖U‖₁, and does not rise. X is not read where the weight is 0.
    missing : 'nan', optional
        NaN in an array X is an entry that is missing, and has the weight 0. What codes say of it is
        drawn to 0: where that is not what is likely, subtract the mean of each feature first. Of a
        feature that is never observed a warning is given; atoms have there what they began with,
        scaled.

    Returns
    -------
    Learned
        With dictionary (k, d), code (n, k), objective (n_iter,), gap (n,), converged, n_iter,
        history and alpha. Of X (b, n, d) all have b first; an objective ends in NaN where others go
        on.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    References
    ----------
    Lee, Battle, Raina and Ng (2006), Efficient sparse coding algorithms, eq. 1; Mairal, Bach, Ponce
    and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, eq. 4. 'ksvd': Aharon, Elad and
    Bruckstein (2006), https://doi.org/10.1109/TSP.2006.881199, by the step of Rubinstein,
    Zibulevsky and Elad (2008).

    Examples
    --------
    >>> import gpudict
    >>> X, _, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=60, n_components=8, n_features=10, n_nonzero_coefs=2, random_state=0)
    >>> learned = gpudict.learn(X, 8, alpha=0.05, random_state=0)
    >>> learned.dictionary.shape, learned.code.shape
    ((8, 10), (60, 8))
    >>> bool((learned.objective[1:] <= learned.objective[:-1]).all())
    True
    """
    until = parameters.deadline(time_limit, "time_limit")
    there, weighted = elsewhere(X), is_weighted(entry_weight, missing)
    if there is None:
        there = X if weighted else check.samples(X)
    samples = rows_of(there, sample_weight, entry_weight, missing)
    recipe = recipe_for(
        samples.X,
        n_components,
        alpha=alpha,
        penalty=penalty,
        n_nonzero_coefs=n_nonzero_coefs,
        target_error=target_error,
        target_nonzeros=target_nonzeros,
        explained_variance=explained_variance,
        solver=solver,
        dictionary_update=dictionary_update,
        code_tol=code_tol,
        code_max_iter=code_max_iter,
        positive_code=positive_code,
        positive_dict=positive_dict,
        n_jobs=n_jobs,
        devices=devices,
        weighted=weighted,
    )
    if isinstance(samples, Far):
        recipe.update.by_sums("the rows, and their codes, are elsewhere")
    return learned_from(
        samples,
        recipe,
        max_iter=max_iter,
        tol=tol,
        dict_init=dict_init,
        code_init=code_init,
        callback=callback,
        random_state=random_state,
        checkpoint=Checkpoint.of(checkpoint, checkpoint_every, resume),
        until=until,
    )
