"""Alternating dictionary learning: `learn`, on an array.

What `alternating` yields is walked here: when to stop, and what is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from gpudict import _check
from gpudict._array import Array, array_namespace, asarray_like, device, draws, in_rows
from gpudict.alternating import Iteration, alternate
from gpudict.atoms import start
from gpudict.codes import Codes, Dense
from gpudict.history import Progress
from gpudict.quadratic import Quadratic
from gpudict.streaming import Samples
from gpudict.updates import recipe


class Learned(NamedTuple):
    """A learned dictionary.

    Attributes
    ----------
    dictionary : (k, d), atoms of norm 1 in rows
    code : (n, k); None from online learning
    objective : (n_iter,), ½‖X − UV‖² + alpha·‖U‖₁ after each iteration (online: of each
        mini-batch, per sample)
    gap : (n,), how far each row's code is, at most, from the optimum for the dictionary that it was
        computed with; None from online learning
    converged : whether the codes of every iteration reached their tolerance
    n_iter : iterations made
    history : list of Progress
    past : the statistics of all batches that online learning goes on from; None from batch learning
    """

    dictionary: Array
    code: Array | None
    objective: Array
    gap: Array | None
    converged: bool
    n_iter: int
    history: list[Progress]
    past: Quadratic | None = None


def learn(
    X: Array,
    /,
    n_components: int | None = None,
    *,
    alpha: float | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
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
) -> Learned:
    """Learn a dictionary for X: min ½‖X − UV‖² + alpha·‖U‖₁ over U and unit atoms V.

    Parameters
    ----------
    X : array (n, d)
        Data, a sample a row, of any library that follows the standard. Its library, device and
        dtype are those of the result.
    n_components : int, optional
        Number of atoms k; d by default.
    alpha, n_nonzero_coefs, target_error, solver
        What a code is, as in `encode`.
    dictionary_update : {'auto', 'sweep', 'mm'}
        The exact sweep over the atoms, or 20 majorise-minimise steps on all of them at once. 'auto'
        is the sweep on the host, mm on a GPU, where launches are what costs.
    max_iter : int
        The most iterations.
    tol : float
        Stop when an iteration lowers the objective by less than tol times it.
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

    Returns
    -------
    Learned
        dictionary (k, d), code (n, k), objective (n_iter,), gap (n,), converged, n_iter, history.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

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

    References
    ----------
    Lee, Battle, Raina and Ng (2006), Efficient sparse coding algorithms, eq. 1; Mairal, Bach, Ponce
    and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, eq. 4.
    """
    X = in_rows(_check.matrix(X, "X"))
    how = recipe(
        X,
        n_components,
        alpha=alpha,
        n_nonzero_coefs=n_nonzero_coefs,
        target_error=target_error,
        solver=solver,
        dictionary_update=dictionary_update,
        code_tol=code_tol,
        code_max_iter=code_max_iter,
        positive_code=positive_code,
        positive_dict=positive_dict,
    )
    rng = draws(_check.random_source(random_state))
    samples = Samples.of(X, sample_weight)
    V, U = start(samples, how.k, dict_init, code_init, rng, positive=positive_dict)
    codes: Codes | None = None if U is None else Dense(U)
    tol = _check.number(tol, "tol")
    limit = _check.count(max_iter, "max_iter", minimum=0)
    steps = alternate(samples, V, None if code_init is None else codes, how, rng, n_jobs)
    xp, n = array_namespace(X), X.shape[0]
    gap = xp.full_like(X[:, 0], float("inf"))
    history: list[Progress] = []
    converged = True
    for now in islice(steps, limit):
        V, codes, gap, converged = now.dictionary, now.codes, now.gap, converged and now.converged
        history.append(now.progress)
        last = len(history) == limit or _flat(history, tol)
        stopped = callback is not None and callback(now._replace(last=last)) is True
        if last or stopped:
            break
    objective = vector([h.objective for h in history], X)
    found = Dense(xp.zeros((n, how.k), dtype=X.dtype, device=device(X))) if codes is None else codes
    return Learned(V, found.array(), objective, gap, converged, len(history), history)


def _flat(history: list[Progress], tol: float) -> bool:
    """Whether the last iteration lowered the objective by less than tol times it.

    That it rises after atoms were revived is no reason to stop.
    """
    if len(history) < 2:
        return False
    before, now = history[-2].objective, history[-1].objective
    rose = history[-2].unused > 0 and now - before >= tol * now > 0
    return before - now < tol * now and not rose


def vector(values: list[float], like: Array) -> Array:
    """Return host numbers as a vector in the place and dtype of `like`."""
    return asarray_like(np.asarray(values, dtype=np.float64), like)
