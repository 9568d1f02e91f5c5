"""Learning from mini-batches with scikit-learn's methods, reports, callback and warning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gpudict.arrays import parameters
from gpudict.arrays.door import Array
from gpudict.arrays.sources.stream import Stream
from gpudict.learning import aiming
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.far import Far
from gpudict.learning.learn_online import learned_from
from gpudict.learning.online import Step, begin, step
from gpudict.learning.parts import rows_of
from gpudict.learning.patience import Patience
from gpudict.learning.records import Learned, State
from gpudict.learning.samples import Samples
from gpudict.learning.source import Source
from gpudict.learning.updates import Recipe, recipe_for, warn_of_silence
from gpudict.translation.reporting import BatchReporter
from gpudict.translation.words import Callback, coding_of, start_of, warn


def online_recipe(
    X: Array,
    n_components: int | None,
    *,
    alpha: float | None,
    method: str,
    method_max_iter: int,
    positive_code: bool = False,
    positive_dict: bool = False,
    n_jobs: int | None = None,
    fit_n_nonzero_coefs: int | None = None,
    target_nonzeros: float | None = None,
    explained_variance: float | None = None,
    weighted: bool = False,
) -> Recipe:
    """Return the recipe for data such as X that scikit-learn's parameters ask for."""
    return recipe_for(
        X,
        n_components,
        **coding_of(X, n_components, method, alpha, method_max_iter, fit_n_nonzero_coefs),
        target_nonzeros=target_nonzeros,
        explained_variance=explained_variance,
        positive_code=positive_code,
        positive_dict=positive_dict,
        n_jobs=n_jobs,
        weighted=weighted,
    )


def online_learned(
    source: Source,
    recipe: Recipe,
    *,
    max_iter: int,
    shuffle: bool,
    tol: float,
    max_no_improvement: int | None,
    dict_init: Any = None,
    callback: Callback | None = None,
    verbose: int = False,
    random_state: Any = None,
    watch: Callable[[Step], object] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Learned:
    """Learn from a source; the parameters are those of `dict_learning_online`.

    `watch` sees every step, and stops learning where it returns True.
    """
    reporter = BatchReporter(verbose)
    reporter.begin()
    most = n_steps(source, max_iter)

    def see(step: Step, patience: Patience, reason: str | None) -> object:
        reporter.step(step, patience, reason, most)
        if callback is not None:
            callback(_mapping(step.shown(), patience, most))
        return None if watch is None else watch(step)

    learned = learned_from(
        source,
        recipe,
        max_iter=max_iter,
        shuffle=shuffle,
        tol=tol,
        max_no_improvement=max_no_improvement,
        dict_init=start_of(dict_init, "dict_init"),
        watch=see,
        random_state=random_state,
        checkpoint=checkpoint,
    )
    if not learned.converged:
        steps = recipe.plan.max_iter
        warn(f"The codes of a step missed their tolerance after {steps} iterations.")
    return learned


def online_step(
    samples: Samples | Far, state: State | None, recipe: Recipe, dict_init: Any, rng: Any
) -> tuple[Step, float | None]:
    """Make one step from a state, or the first one, with scikit-learn's warning; return its alpha.

    Of a recipe with an aim the alpha is that of the step before.
    """
    if state is None:
        state = begin(samples, recipe, start_of(dict_init, "dict_init"), rng)
    recipe = aiming.for_batch(samples, state, recipe)
    made = step(state, samples, recipe, rng).settled()
    if not made.state.used:
        warn_of_silence(samples, recipe)
    if not made.converged:
        steps = recipe.plan.max_iter
        warn(f"The codes of the batch missed their tolerance after {steps} iterations.")
    return made, recipe.alpha


def source_of(
    X: Any, batch_size: int, sample_weight: Any = None, missing: str | None = None
) -> Source:
    """Return where batches of data come from, which are checked if they are an array."""
    size = parameters.count(batch_size, "batch_size")
    if isinstance(X, Stream) and X.shape is None:
        raise TypeError(
            "X is a stream of an iterable, of which nobody knows how many batches come. Pass them "
            "one by one to partial_fit, or the stream to learn_online."
        )
    return Source.of(X, size, sample_weight, checked=True, missing=missing)


def one_batch(X: Any, sample_weight: Any = None, missing: str | None = None) -> Samples | Far:
    """Return all rows of X, which is checked or in chunks, as a batch."""
    rows = rows_of(X, sample_weight, missing=missing, whole=False)
    return rows if isinstance(rows, Samples) else rows.forgetful()


def n_steps(source: Source, max_iter: int) -> int:
    """Return the most steps in so many passes over a source."""
    return source.steps * parameters.count(max_iter, "max_iter", minimum=0)


def _mapping(step: Step, patience: Patience, most: int) -> Mapping[str, Any]:
    """Return what the callback gets: a documented mapping, not the loop's own names."""
    return {
        "step": step.state.step,
        "n_steps": most,
        "code": step.code,
        "dictionary": step.dictionary,
        "batch_cost": step.progress.objective,
        "ewa_cost": patience.cost,
        "gap": step.progress.gap,
        "unused": step.progress.unused,
        "seconds": step.progress.seconds,
    }
