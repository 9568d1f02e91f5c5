"""Online dictionary learning: `learn_online`, on an array or an iterable of batches.

The steps of `online` are made here: when to stop, and what is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from gpudict.arrays import generators, parameters
from gpudict.arrays.door import Array, draws
from gpudict.arrays.home import at_home, home
from gpudict.learning.aiming import Following
from gpudict.learning.atoms import enough
from gpudict.learning.checkpoint import EVERY, Checkpoint
from gpudict.learning.facts import ROWS, facts
from gpudict.learning.keeper import keeper_of
from gpudict.learning.kept import settled
from gpudict.learning.online import begin, dictionary_of, step
from gpudict.learning.past import past_of
from gpudict.learning.patience import Patience
from gpudict.learning.records import Learned, State, objectives
from gpudict.learning.source import Source
from gpudict.learning.statistics import Statistics
from gpudict.learning.updates import Recipe, memory_to_learn, recipe_for, warn_of_silence
from gpudict.learning.walk import Walk, Watch, record_of, walk_of, walked
from gpudict.objective.penalties.contract import CertifiedPenalty


@at_home
def learn_online(
    X: Array | Iterable[Array],
    /,
    n_components: int | None = None,
    *,
    alpha: float | None = None,
    penalty: CertifiedPenalty | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
    target_nonzeros: float | None = None,
    explained_variance: float | None = None,
    batch_size: int = 256,
    max_iter: int = 100,
    shuffle: bool = True,
    tol: float = 1e-3,
    max_no_improvement: int | None = 10,
    solver: str = "cd",
    dictionary_update: str = "auto",
    code_tol: float | None = None,
    code_max_iter: int | None = None,
    dict_init: Array | str | None = None,
    positive_code: bool = False,
    positive_dict: bool = False,
    sample_weight: Any = None,
    callback: Watch | None = None,
    random_state: Any = None,
    n_jobs: int | None = None,
    devices: Any = None,
    checkpoint: Any = None,
    checkpoint_every: float = EVERY,
    resume: bool = False,
    time_limit: float | None = None,
    entry_weight: Array | None = None,
    missing: str | None = None,
    past: State | Statistics | None = None,
) -> Learned:
    """Learn a dictionary from mini-batches of X, or from an iterable that yields batches.

    The past is kept in two memories, with a schedule that has nothing to set (`forgetting`): what
    codes the next batch follows the last 50 uses of the mean atom, or a sixteenth of all that was
    seen; the dictionary follows five times as much. The atoms move once a tenth of the first is
    newer than they are: after each large batch, and after some small ones.

    For more than 8,192 atoms, unless 'sweep' is asked for, a memory has no k × k matrix, but k × d
    numbers (Mairal 2013): what the rows leave to each atom, with the others where they were. That
    of a Dask array keeps the matrix.

    Parameters
    ----------
    X : array (n, d), or (…, d), a stream, a Dask array, or an iterable of arrays (b, d), or (…, d)
        Data, as in `learn`. An iterable is walked once for each pass; an iterator has one pass. Its
        first batch provides the start. Of a Dask array a batch is whole chunks.
    n_components : int, optional
        Number of atoms k; d by default.
    batch_size : int
        Samples a step, where X is an array.
    max_iter : int
        The most passes over the data.
    shuffle : bool
        Whether to shuffle the rows of an array once, before the first pass.
    tol : float
        Stop when a step changes the atoms by less: ‖V − V₋‖_F ≤ tol·k; 0 never.
    max_no_improvement : int, optional
        Stop after that many steps without a new lowest smoothed cost; None never.
    sample_weight : array-like (n,), optional
        How much each sample counts, 2 as if it were there twice; where X is an array.
    callback : callable, optional
        Called after each step with the `Step`, the `Patience`, and the reason to stop or None;
        learning stops if it returns True.
    dict_init : array (m, d), 'svd' or 'data', optional
        Atoms to start from, as in `learn`; by default 'svd' of some of the samples where k < d,
        else 'data', random samples.
    target_nonzeros, explained_variance : float, optional
        In place of alpha, as in `learn`. Alpha follows the atoms in half of the steps, 100 at most
        unless batches are small, and learning does not stop by itself in these.
    alpha, penalty, n_nonzero_coefs, target_error, solver, dictionary_update, code_tol, \
code_max_iter, positive_code, positive_dict, random_state, n_jobs, devices, checkpoint, \
checkpoint_every, resume, time_limit
        As in `learn`; it is each batch that is spread over devices. To go on, an iterable has to
        yield the same batches again: those that are over are passed over.
    entry_weight, missing
        As in `learn`; `missing` for batches that an iterable yields, too. What is missing of a row
        is filled in by its code when it comes, and the past is kept with that.
    past : State or Statistics, optional
        Of rows that are over, to go on from: `learned.past` of another call, `a.past.merge(b.past)`
        of learners of other rows that began with the same atoms, or `Statistics` of rows, with
        their atoms as dict_init.

    Returns
    -------
    Learned
        With dictionary (k, d); objective (n_steps,), the cost a sample of each batch before its
        update; n_iter, the passes begun; history; past; alpha. code and gap are None: `encode`
        gives them.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1;
    Mairal (2013), https://arxiv.org/abs/1306.4650, algorithm 1.

    Examples
    --------
    >>> import gpudict
    >>> X, _, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=200, n_components=8, n_features=10, n_nonzero_coefs=2, random_state=0)
    >>> gpudict.learn_online(X, 8, alpha=0.05, batch_size=20, random_state=0).dictionary.shape
    (8, 10)
    """
    until = parameters.deadline(time_limit, "time_limit")
    size = parameters.count(batch_size, "batch_size")
    source = Source.of(X, size, sample_weight, entry_weight=entry_weight, missing=missing)
    with home(source.first.X):
        recipe = recipe_for(
            source.first.X,
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
            weighted=source.first.entries is not None,
        )
        recipe.update.by_sums("of batches that are over there are sums")
        return learned_from(
            source,
            recipe,
            max_iter=max_iter,
            shuffle=shuffle,
            tol=tol,
            max_no_improvement=max_no_improvement,
            dict_init=dict_init,
            watch=None if callback is None else lambda now, *why: callback(now.shown(), *why),
            random_state=random_state,
            checkpoint=Checkpoint.of(checkpoint, checkpoint_every, resume),
            until=until,
            past=past_of(past, dict_init, source, recipe.k),
        )._replace(gap=None)


def learned_from(
    source: Source,
    recipe: Recipe,
    *,
    max_iter: int,
    shuffle: bool,
    tol: float,
    max_no_improvement: int | None,
    dict_init: Array | str | None = None,
    watch: Watch | None = None,
    random_state: Any = None,
    checkpoint: Checkpoint | None = None,
    until: float = math.inf,
    past: State | None = None,
) -> Learned:
    """Return what `learn_online` does, and the last batch's gaps; `watch` may not write."""
    rng = draws(parameters.random_source(random_state))
    passes = parameters.count(max_iter, "max_iter", minimum=0)
    most = passes * source.steps
    alphas = Following.of(source, recipe, most)
    patience = Patience.of(source, parameters.number(tol, "tol"), max_no_improvement, alphas.last)
    given: dict[str, Any] = {"max_iter": passes, "tol": tol, "dict_init": dict_init}
    given |= {"batch_size": source.size, "shuffle": bool(shuffle), "past": past and past.long.cov}
    given |= {"max_no_improvement": max_no_improvement, "rows": source.rows}
    seen = partial(source.start, ROWS, np.random.RandomState(0))  # of a stream from all over it
    told = lambda: facts(checkpoint, "learn_online", seen(), recipe, random_state, **given)  # noqa: E731
    keeper = keeper_of(checkpoint, told, rng, record_of)
    if (stored := keeper.found()) is not None:
        walk = walk_of(stored, source.first.X, recipe, patience)
    else:
        some = partial(source.start, enough(source.first.X, recipe.k), rng)
        walk = Walk(
            patience,
            past or begin(some(), recipe, dict_init, rng),  # only the walk holds what is large
            {} if checkpoint is None else generators.packed(rng),
        )
    if not walk.ended:
        with keeper:
            order = walk.order(rng) if shuffle else None
            batches = source.batches(passes, order, (max(1, walk.n_iter), walk.batches))
            made = lambda batch: step(  # noqa: E731
                walk.state, batch, alphas.recipe(recipe, walk), rng, walk.kept
            )
            walked(walk, batches, made, most, watch, keeper, until)
        keeper.end(walk)
    state = settled(walk.state, walk.kept)
    with memory_to_learn(source.first.X, recipe):
        if walk.history and not state.used:
            warn_of_silence(source.first, recipe, first=source.first.X.shape[0] != source.rows)
        dictionary = dictionary_of(state, recipe.update)
        objective = objectives(walk.history, source.first.X)
    gap = None if recipe.devices else walk.gap  # or it is gathered, and no face has it then
    alpha = recipe.alpha if recipe.aim is None else walk.alpha
    return Learned(
        dictionary, None, objective, gap, walk.converged, walk.n_iter, walk.history, state, alpha
    )
