"""Alternating learning with scikit-learn's methods, reports, callback and warning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gpudict.arrays.door import Array
from gpudict.learning.alternate import Iteration
from gpudict.learning.batch import learned_from
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.parts import rows_of
from gpudict.learning.records import Learned
from gpudict.learning.updates import recipe_for
from gpudict.translation.reporting import Reporter
from gpudict.translation.words import Callback, coding_of, start_of, warn

EVERY = 5  # iterations between two calls of the callback


def batch_learned(
    X: Array,
    n_components: int | None,
    *,
    alpha: float | None,
    max_iter: int,
    tol: float,
    method: str,
    method_max_iter: int,
    n_jobs: int | None = None,
    dict_init: Any = None,
    code_init: Any = None,
    callback: Callback | None = None,
    verbose: int = False,
    random_state: Any = None,
    positive_dict: bool = False,
    positive_code: bool = False,
    sample_weight: Any = None,
    missing: str | None = None,
    watch: Callable[[Iteration], object] | None = None,
    checkpoint: Checkpoint | None = None,
    codes: bool = True,
    fit_n_nonzero_coefs: int | None = None,
    target_nonzeros: float | None = None,
    explained_variance: float | None = None,
) -> Learned:
    """Learn from X, which is checked, or in chunks; the parameters are those of `dict_learning`.

    `watch` sees every iteration, and stops learning where it returns True.
    """
    reporter = Reporter(verbose)
    reporter.begin()
    errors: list[float] = []

    def see(it: Iteration) -> object:
        errors.append(it.progress.objective)
        reporter.iteration(it.progress)
        if callback is not None and it.progress.iteration % EVERY == 0:
            callback(_mapping(it, errors))
        return None if watch is None else watch(it)

    rows = rows_of(X, sample_weight, missing=missing)
    recipe = recipe_for(
        rows.X,
        n_components,
        **coding_of(rows.X, n_components, method, alpha, method_max_iter, fit_n_nonzero_coefs),
        target_nonzeros=target_nonzeros,
        explained_variance=explained_variance,
        positive_code=positive_code,
        positive_dict=positive_dict,
        n_jobs=n_jobs,
        weighted=missing is not None,
    )
    learned = learned_from(
        rows,
        recipe,
        max_iter=max_iter,
        tol=tol,
        dict_init=start_of(dict_init, "dict_init"),
        code_init=start_of(code_init, "code_init"),
        callback=see,
        random_state=random_state,
        checkpoint=checkpoint,
        codes=codes,
    )
    reporter.end(learned, max_iter)
    if not learned.converged:
        warn(f"The codes of an iteration missed their tolerance after {method_max_iter} steps.")
    return learned


def _mapping(it: Iteration, errors: list[float]) -> Mapping[str, Any]:
    """Return what the callback gets: a documented mapping, not the loop's own names."""
    return {
        "iteration": it.progress.iteration,
        "code": it.code,
        "dictionary": it.dictionary,
        "errors": list(errors),
        "cost": it.progress.objective,
        "gap": it.progress.gap,
        "unused": it.progress.unused,
        "seconds": it.progress.seconds,
    }
