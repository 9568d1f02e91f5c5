"""Online dictionary learning: a mini-batch at a time, the past kept as one quadratic.

    A ← β A + UᵀU / b,   B ← β B + UᵀX / b,   then V ← the update for (A, B)

Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1 with
the forgetting of its section 3.4.2, as the codes of early batches belong to atoms long gone. The
state is a value: `step` maps it and a batch to the next, so training can stop, be saved, and go on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from gpudict import _check
from gpudict._array import Array, array_namespace, draws, float64_of, read, to_host
from gpudict.alternating import summary
from gpudict.atoms import revived, start, unused
from gpudict.codes import Codes, coded
from gpudict.history import Progress
from gpudict.learning import Learned, vector
from gpudict.quadratic import Quadratic, accumulate
from gpudict.streaming import Samples, Source
from gpudict.updates import Recipe, recipe

FORGETTING = 4  # ρ: about the last quarter of the batches counts; less is slower, more is noisier


class State(NamedTuple):
    """The atoms (k, d), the quadratic of all batches so far, and how many there were."""

    dictionary: Array
    past: Quadratic
    step: int


class Batch(NamedTuple):
    """One step as it happens; `change` is ‖V − V₋‖_F, `progress.objective` the cost a sample.

    `gap` (b,) is that of the batch's codes, and `last` says that no other step follows.
    """

    state: State
    codes: Codes
    gap: Array
    converged: bool
    change: float
    progress: Progress
    last: bool = False

    @property
    def dictionary(self) -> Array:
        """The updated atoms."""
        return self.state.dictionary

    @property
    def code(self) -> Array:
        """The codes as an array (b, k), made when it is asked for."""
        return self.codes.array()


def begin(samples: Samples, how: Recipe, dict_init: Any, rng: Any) -> State:
    """Return the state before the first batch."""
    V, _ = start(samples, how.k, dict_init, None, rng, positive=how.positive)
    xp, (k, d) = array_namespace(V), V.shape
    zeros = (xp.zeros(s, dtype=V.dtype, device=V.device) for s in ((d, k), (d,), (k, k)))
    return State(V, Quadratic(*zeros), 0)


def step(state: State, samples: Samples, how: Recipe, rng: Any, n_jobs: int | None = None) -> Batch:
    """Code a batch, fold it into the past, update the atoms; two waits beyond the solver's."""
    began, (X, _, size) = time.perf_counter(), samples
    before, square = state.dictionary, samples.squares()
    codes, found = coded(X, before, how.problem, None, n_jobs)
    now, beta = codes.statistics(samples), forget(state.step)
    past = accumulate(state.past, now, forget=beta, share=1 / size)
    V, dead = how.update(past, before), unused(past, samples.typical(square))
    total = samples.summed(codes.costs(X, before, how.problem.penalty), float64_of(X))
    cost, gap, n_dead, converged = summary(total, found, square, dead)
    if n_dead:
        V = revived(V, to_host(dead), samples, rng, positive=how.positive)
    (change,) = read(array_namespace(X).sqrt(array_namespace(X).sum((V - before) ** 2)))
    seconds = time.perf_counter() - began
    progress = Progress(state.step, cost / size, gap, round(n_dead), seconds)
    after = State(V, past, state.step + 1)
    return Batch(after, codes, found.gap, bool(converged), change, progress)


def forget(step: int) -> float:
    """Return the weight β of the past before batch number `step`, from 0: a batch counts as t^ρ."""
    return (step / (step + 1)) ** FORGETTING


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

    def reason(self, batch: Batch) -> str | None:
        """Take note of a batch; return why to stop after it, or None."""
        if batch.state.step <= self.wait:
            return None
        new, first = batch.progress.objective, math.isnan(self.cost)
        self.cost = new if first else self.cost + self.share * (new - self.cost)
        if self.tol > 0 and batch.change <= self.tol * batch.dictionary.shape[0]:
            return "small dictionary change"
        self.without = 0 if self.cost < self.lowest else self.without + 1
        self.lowest = min(self.cost, self.lowest)
        if self.most is not None and self.without >= self.most:
            return "lack of improvement in objective function"
        return None


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
    callback: Callable[[Batch, Patience, str | None], object] | None = None,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> Learned:
    """Learn a dictionary from mini-batches of X, or from an iterable that yields batches.

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
        Stop when a step changes the dictionary by less: ‖V − V₋‖_F ≤ tol·k; 0 never.
    max_no_improvement : int, optional
        Stop after that many steps without a new lowest smoothed cost; None never.
    sample_weight : array-like (n,), optional
        How much each sample counts, 2 as if it were there twice; where X is an array.
    callback : callable, optional
        Called after each step with the `Batch`, the `Patience`, and the reason to stop or None;
        learning stops if it returns True.
    alpha, n_nonzero_coefs, target_error, solver, dictionary_update, code_tol, code_max_iter, \
dict_init, positive_code, positive_dict, random_state, n_jobs
        As in `learn`.

    Returns
    -------
    Learned
        dictionary (k, d); objective (n_steps,), the cost a sample of each batch before its update;
        n_iter, the passes begun; history; past. code and gap are None: `encode` gives them.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    Examples
    --------
    >>> import gpudict
    >>> X, _, _ = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=200, n_components=8, n_features=10, n_nonzero_coefs=2, random_state=0)
    >>> gpudict.learn_online(X, 8, alpha=0.05, batch_size=20, random_state=0).dictionary.shape
    (8, 10)

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 1.
    """
    source = Source.of(X, _check.count(batch_size, "batch_size"), sample_weight)
    first = source.first.X
    how = recipe(
        first,
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
    state = begin(source.first, how, dict_init, rng)
    passes = _check.count(max_iter, "max_iter", minimum=0)
    patience = _patience(source, _check.number(tol, "tol"), max_no_improvement)
    history: list[Progress] = []
    converged, began = True, time.perf_counter()
    n_iter = 0
    for n_iter, rows in source.batches(passes, rng if shuffle else None):  # noqa: B007
        batch = step(state, rows, how, rng, n_jobs)
        state, converged = batch.state, converged and batch.converged
        history.append(batch.progress._replace(seconds=time.perf_counter() - began))
        reason = patience.reason(batch)
        last = reason is not None or len(history) == passes * source.steps
        stopped = callback is not None and callback(batch._replace(last=last), patience, reason)
        if last or stopped is True:
            break
    objective = vector([h.objective for h in history], first)
    return Learned(state.dictionary, None, objective, None, converged, n_iter, history, state.past)


def _patience(source: Source, tol: float, most: int | None) -> Patience:
    """Return the stopping policy in the proportions of the data."""
    if not source.steps:
        return Patience(tol, most, share=0.1, wait=100)
    n, total = source.first.X.shape[0], source.first.total
    share = total * source.size / (n * (total + 1))
    return Patience(tol, most, min(1.0, share), min(100, n / source.size))
