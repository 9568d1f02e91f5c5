"""Online dictionary learning: `learn_online`, on an array or an iterable of batches.

The steps of `online` are made here: when to stop, and what is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gpudict.arrays import parameters
from gpudict.arrays.door import Array, draws
from gpudict.arrays.home import at_home, home
from gpudict.learning.atoms import enough
from gpudict.learning.online import Step, begin, dictionary_of, step
from gpudict.learning.records import Learned, Progress, objectives
from gpudict.learning.samples import Source
from gpudict.learning.updates import (
    Recipe,
    memory_to_learn,
    recipe_for,
    warn_of_silence,
)
from gpudict.learning.whole import settled


@dataclass
class Patience:
    """When to stop: the atoms hardly change, or a smoothed cost no longer falls.

    Attributes
    ----------
    tol : stop at ‖V − V₋‖_F ≤ tol·k
    most : stop after that many steps without a new lowest smoothed cost; None never
    share : weight of a batch in the smoothed cost, its size over that of the data
    wait : steps before any judgement
    """

    tol: float
    most: int | None
    share: float
    wait: float
    cost: float = math.nan
    lowest: float = math.inf
    without: int = 0

    def reason(self, step: Step) -> str | None:
        """Take note of a step; return why to stop after it, or None."""
        if step.state.step <= self.wait:
            return None
        new, first = step.progress.objective, math.isnan(self.cost)
        self.cost = new if first else self.cost + self.share * (new - self.cost)
        if self.tol > 0 and step.change <= self.tol * step.state.atoms.shape[0]:
            return "small dictionary change"
        self.without = 0 if self.cost < self.lowest else self.without + 1
        self.lowest = min(self.cost, self.lowest)
        if self.most is not None and self.without >= self.most:
            return "lack of improvement in objective function"
        return None


Watch = Callable[[Step, Patience, str | None], object]  # of a step; True stops


@at_home
def learn_online(
    X: Array | Iterable[Array],
    /,
    n_components: int | None = None,
    *,
    alpha: float | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
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
) -> Learned:
    """Learn a dictionary from mini-batches of X, or from an iterable that yields batches.

    The past is kept in two memories, with a schedule that has nothing to set (`forgetting`): what
    codes the next batch follows the last 50 uses of the mean atom, or a sixteenth of all that was
    seen; the dictionary follows five times as much. The atoms move once a tenth of the first is
    newer than they are: after each large batch, and after some small ones.

    Parameters
    ----------
    X : array (n, d), or an iterable of arrays (b, d)
        Data, as in `learn`. An iterable is walked once for each pass; an iterator has one pass. Its
        first batch provides the start.
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
    alpha, n_nonzero_coefs, target_error, solver, dictionary_update, code_tol, code_max_iter, \
positive_code, positive_dict, random_state, n_jobs, devices
        As in `learn`; it is each batch that is spread over devices.

    Returns
    -------
    Learned
        With dictionary (k, d); objective (n_steps,), the cost a sample of each batch before its
        update; n_iter, the passes begun; history; past. code and gap are None: `encode` gives them.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1.

    Examples
    --------
    >>> import gpudict
    >>> X, _, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=200, n_components=8, n_features=10, n_nonzero_coefs=2, random_state=0)
    >>> gpudict.learn_online(X, 8, alpha=0.05, batch_size=20, random_state=0).dictionary.shape
    (8, 10)
    """
    source = Source.of(X, parameters.count(batch_size, "batch_size"), sample_weight)
    with home(source.first.X):
        recipe = recipe_for(
            source.first.X,
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
            n_jobs=n_jobs,
            devices=devices,
        )
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
        )


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
) -> Learned:
    """Return what `learn_online` does, for a source and a recipe; `watch` may not write."""
    rng = draws(parameters.random_source(random_state))
    state = begin(source.start(enough(source.first, recipe.k), rng), recipe, dict_init, rng)
    passes = parameters.count(max_iter, "max_iter", minimum=0)
    patience = _patience(source, parameters.number(tol, "tol"), max_no_improvement)
    history: list[Progress] = []
    kept, converged, began = None, True, time.perf_counter()
    n_iter = 0
    for n_iter, batch in source.batches(passes, rng if shuffle else None):  # noqa: B007
        now = step(state, batch, recipe, rng, kept)
        state, kept, converged = now.state, now.kept, converged and now.converged
        history.append(now.progress._replace(seconds=time.perf_counter() - began))
        reason = patience.reason(now)
        last = reason is not None or len(history) == passes * source.steps
        stopped = watch is not None and watch(now._replace(last=last), patience, reason)
        if last or stopped is True:
            break
    state = settled(state, kept)
    with memory_to_learn(source.first.X, recipe):
        if history and not state.used:
            warn_of_silence(source.first, recipe)
        dictionary = dictionary_of(state, recipe.update)
        objective = objectives(history, source.first.X)
    return Learned(dictionary, None, objective, None, converged, n_iter, history, state)


def _patience(source: Source, tol: float, most: int | None) -> Patience:
    """Return the stopping policy in the proportions of the data."""
    if not source.steps:
        return Patience(tol, most, share=0.1, wait=100)
    share = source.total * source.size / (source.rows * (source.total + 1))
    return Patience(tol, most, min(1.0, share), min(100, source.rows / source.size))
