"""Threads that share an estimator: each step counts, as if one had come after the other."""

from __future__ import annotations

import copy
import itertools
import pickle
import threading
import time

import numpy as np
from sklearn.base import clone

from gpudict import MiniBatchDictionaryLearning
from gpudict.estimators import mini_batch_dictionary_learning as module
from tests.support.estimators import X, fitted

BATCHES = [[X[:20], X[20:40]], [X[10:30], X[40:]]]  # of each of two threads


def learner():
    return MiniBatchDictionaryLearning(5, alpha=0.5, random_state=0)


def test_no_step_is_lost(monkeypatch):
    """The atoms are those of one thread that made the same steps, in one of their orders."""
    step = module.online_step

    def slowly(*arguments):
        made = step(*arguments)
        time.sleep(0.02)  # so that the others come in between, if they can
        return made

    ours = learner()
    with monkeypatch.context() as patch:
        patch.setattr(module, "online_step", slowly)
        work = lambda batches: [ours.partial_fit(batch) for batch in batches]  # noqa: E731
        threads = [threading.Thread(target=work, args=(batches,)) for batches in BATCHES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ours.n_steps_ == len(ours.history_) == 4
    orders = set(itertools.permutations((0, 0, 1, 1)))
    assert any(np.array_equal(ours.components_, in_order(o).components_) for o in orders)


def in_order(order):
    """Return what one thread learns that takes the batches of the two in this order."""
    alone, left = learner(), [iter(batches) for batches in BATCHES]
    for which in order:
        alone.partial_fit(next(left[which]))
    return alone


def test_the_lock_is_no_part_of_the_estimator(tmp_path):
    """It is not copied, pickled or saved; and a callback has its turn within that of the fit."""
    seen = []
    ours = fitted(MiniBatchDictionaryLearning)
    before = set(vars(ours))
    ours.partial_fit(X)
    assert set(vars(ours)) == before
    for made in (pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours), ours.to(X), clone(ours)):
        assert made.partial_fit(X).n_steps_ == getattr(made, "n_steps_", 1)
    ours.set_params(callback=lambda _: seen.append(ours.to(X))).fit(X)
    assert seen
