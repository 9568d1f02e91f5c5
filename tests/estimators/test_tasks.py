"""A fit as scikit-learn's callbacks see it."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict import DictionaryLearning
from tests.support.estimators import LEARNERS, X


@pytest.mark.parametrize("kind", LEARNERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("stop", [None, 2])
def test_scikit_learns_callbacks(kind, stop):
    """A task an iteration, begun and ended in order, with an estimator fitted that far."""
    seen = []

    class Watch:
        def setup(self, estimator, context):
            seen.append("setup")

        def teardown(self, estimator, context):
            seen.append("teardown")

        def on_fit_task_begin(self, estimator, context):
            seen.append(("begin", context.task_name, context.task_id))

        def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
            seen.append(("end", context.task_name, context.task_id))
            assert fitted_estimator.transform(X).shape == (60, 4)
            assert y is X
            return context.task_id + 1 == stop if context.parent else False

    learner = kind(4, alpha=0.1, max_iter=3, random_state=0, tol=0).set_callbacks(Watch()).fit(X)
    steps = len(learner.history_)
    assert steps == stop or (stop is None and steps >= 3)
    tasks = [(w, "iteration", i) for i in range(steps) for w in ("begin", "end")]
    root = [(w, "fit", 0) for w in ("begin", "end")]
    assert seen == ["setup", root[0], *tasks, root[1], "teardown"]


def test_scoring_monitor_and_progress_bar(capsys):
    from sklearn.callback import ProgressBar, ScoringMonitor

    def fit(estimator, X, y):
        code = estimator.transform(X)
        rest = y - estimator.inverse_transform(code)
        return -float(0.5 * (rest**2).sum() + estimator.alpha * np.abs(code).sum())

    monitor = ScoringMonitor(scoring={"fit": fit})
    learner = DictionaryLearning(4, alpha=0.1, max_iter=6, transform_algorithm="lasso_cd")
    learner.set_callbacks(monitor, ProgressBar()).fit(X)
    scores = [row["fit"] for row in monitor.get_logs().data if row["task_name"] != "fit"]
    assert len(scores) == learner.n_iter_
    assert scores[-1] > scores[0]
    assert "DictionaryLearning" in capsys.readouterr().out
