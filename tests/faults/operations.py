"""What is done while faults are injected, and what must hold of the process and the inputs after.

Each operation takes the arrays and returns those that came out. They are small: a fault is
injected at each of their points.
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

import gpudict
from gpudict.arrays.door import from_host
from tests.support import problems
from tests.support.backends import host

X, V, U = problems.planted(37, 20, 12, 3, "float64")
MANY = problems.planted(2600, 20, 12, 3, "float64")[0]  # rows for several threads
Arrays = list[Any]
Operation = Callable[..., Arrays]


def encode(x: Any, v: Any, u: Any, **more: Any) -> Arrays:
    """Code from given codes, with the solver that is fastest here."""
    found = gpudict.encode(x, v, alpha=0.1, init=u, n_jobs=1, **more)
    return [found.Z, found.gap]


def in_batches(x: Any, v: Any, u: Any) -> Arrays:
    """Code by a portable solver, in batches, on two threads where the library has none."""
    found = gpudict.encode(x, v, alpha=0.1, solver="working_set", batch_size=16, n_jobs=2)
    return [found.Z, found.gap]


def many_rows(x: Any, v: Any, u: Any) -> Arrays:
    """Code as many rows as are worth two threads, by the compiled solver."""
    rows = from_host(MANY, x)
    return [gpudict.encode(rows, v, alpha=0.1, n_jobs=2).Z]


def pursuit(x: Any, v: Any, u: Any) -> Arrays:
    """Code by a pursuit."""
    return [gpudict.encode(x, v, n_nonzero_coefs=3, solver="omp").Z]


def sparse(x: Any, v: Any, u: Any) -> Arrays:
    """Code without the dense codes."""
    found = gpudict.encode(x, v, alpha=0.1, sparse_output=True, batch_size=16)
    return [found.Z.data, found.Z.indices, found.Z.indptr]


def learn(x: Any, v: Any, u: Any) -> Arrays:
    """Learn from an array."""
    found = gpudict.learn(x, 6, alpha=0.2, max_iter=3, random_state=0)
    return [found.dictionary, found.code, found.objective]


def learn_online(x: Any, v: Any, u: Any) -> Arrays:
    """Learn from batches."""
    options = {"dict_init": "data", "batch_size": 15, "max_iter": 1, "random_state": 0}
    found = gpudict.learn_online(x, 6, alpha=0.2, **options)
    return [found.dictionary, found.past.long.gram]


OPERATIONS: dict[str, Operation] = {
    f.__name__: f for f in (encode, in_batches, many_rows, pursuit, sparse, learn, learn_online)
}


class Learning:
    """An estimator that has seen two batches, and the third, in the course of which it fails.

    Of its atoms some are unused, so that it draws others.
    """

    def __init__(self, x: Any) -> None:
        self.learner = gpudict.MiniBatchDictionaryLearning(15, alpha=1.0, random_state=0)
        self.batches = [x[low : low + 12, :] for low in (0, 12, 24)]
        for batch in self.batches[:2]:
            self.learner.partial_fit(batch)

    def __call__(self) -> Arrays:
        """Learn from the third."""
        self.learner.partial_fit(self.batches[2])
        return self.state()

    def state(self) -> Arrays:
        """Return all that the estimator is."""
        now = self.learner
        past = now.past_
        sums = (*past.recent[:3], *past.long[:3], np.asarray((past.step, past.seen, past.used)))
        arrays = (now.components_, past.atoms, *sums, now.dual_gap_)
        costs = [progress.objective for progress in now.history_]
        count = [now.n_steps_, now.converged_, now.n_features_in_, *now.rng_.get_state()[1:3]]
        return [*arrays, np.asarray(costs), *map(np.asarray, count)]


def same(found: Arrays, wanted: Arrays) -> bool:
    """Whether these are the same bits."""
    return [host(a).tobytes() for a in found] == [host(a).tobytes() for a in wanted]


def close(found: Arrays, wanted: Arrays) -> bool:
    """Whether these are the same to rounding: of batches that were halved."""
    pairs = zip(found, wanted, strict=True)
    return all(np.allclose(host(a), host(b), rtol=1e-5, atol=1e-6) for a, b in pairs)


def blas() -> list[int]:
    """Return the threads of each library that threads by itself."""
    return [one.num_threads for one in _CONTROL.lib_controllers if one.user_api == "blas"]


_CONTROL = ThreadpoolController()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds once threads that were at work have ended theirs."""
    for wait in (0.0, 0.01, 0.1, 1.0, 4.0):
        time.sleep(wait)
        if holds():
            return True
    return False


@contextlib.contextmanager
def unharmed(*arrays: Any) -> Iterator[None]:
    """Check that arrays are as they were after all inside, and files, threads and BLAS are too."""
    before = [host(a).tobytes() for a in arrays]
    threads, files, pools = of_process("task"), of_process("fd"), blas()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few iterations do not converge
        yield
    assert [host(a).tobytes() for a in arrays] == before, "an input was written"
    assert blas() == pools, f"BLAS had {pools} threads, and has {blas()}"
    assert of_process("fd") <= files, "a file is open"
    assert of_process("task") <= threads, "a thread runs"


def of_process(what: str) -> int:
    """Return how many files ('fd') or threads ('task') this process has, where the system says."""
    folder = f"/proc/self/{what}"
    return len(os.listdir(folder)) if os.path.exists(folder) else 0
