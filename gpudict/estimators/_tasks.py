"""A fit as scikit-learn's callbacks see it: a root task, and one task an iteration inside it.

`estimator.set_callbacks(ProgressBar(), ScoringMonitor(…))` attaches callbacks; they are told when
a task begins and ends, are given an estimator fitted as far as that, and may ask to stop. A
dictionary's target is its input, so where there is no y, callbacks that score are given X as y.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Attributes = Callable[[], dict[str, Any]]


class Tasks:
    """The tasks of one fit of an estimator, at most `most` iterations."""

    def __init__(self, estimator: Any, most: int, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._told = {
            "estimator": estimator,
            "X": X,
            "y": X if y is None else y,
            "metadata": metadata,
        }
        self._root = estimator._init_callback_context(max_subtasks=most)
        self._root.call_on_fit_task_begin(**self._told)
        self._task = self._next() if most else None

    def _next(self) -> Any:
        task = self._root.subcontext(task_name="iteration")
        return task.call_on_fit_task_begin(**self._told)

    def done(self, attributes: Attributes, *, last: bool) -> bool:
        """End the task of an iteration; begin the next, or return True to stop.

        The attributes are those that the estimator would have, had it stopped here.
        """
        assert self._task is not None
        stop = self._task.call_on_fit_task_end(**self._told, reconstruction_attributes=attributes)
        self._task = None if last or stop else self._next()
        return bool(stop)

    def end(self, attributes: Attributes) -> None:
        """End the fit."""
        if self._task is not None:
            self._task.call_on_fit_task_end(**self._told)
        self._root.call_on_fit_task_end(**self._told, reconstruction_attributes=attributes)
