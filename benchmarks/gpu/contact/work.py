"""What is timed, and whose launches are counted: parts of the package, each as a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gpudict
from benchmarks.gpu import judged
from benchmarks.gpu.devices import Device
from benchmarks.race.problems import Problem
from gpudict.arrays.door import array_namespace, draws
from gpudict.coding.plan import Plan
from gpudict.coding.refinement import refined
from gpudict.coding.request import Request
from gpudict.learning import atoms, online, updates
from gpudict.learning.samples import Samples
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import statistics
from gpudict.solvers import places
from gpudict.solvers.cuda import _launch
from gpudict.solvers.loop import run

BATCH = 4096  # rows of an online step
N, D, K = 50_000, 64, 256
Call = Callable[[], Any]


def calls(device: Device, n: int, k: int, dtype: str) -> Iterator[tuple[str, Call]]:
    """Yield the calls with their names, on data that are there.

    Where it fails to make some of them, a call that says so stands for them.
    """
    problem = judged.planted(n, D, k)
    X, V = (device.move(a) for a in problem.cast(dtype))
    for made in (_whole, _inside, _learning):
        try:
            yield from made(X, V, problem).items()
        except Exception as error:  # of a device
            yield f"made for {made.__name__.strip('_')}", partial(_raise, error)


def _raise(error: Exception) -> None:
    raise error


def _whole(X: Any, V: Any, problem: Problem) -> dict[str, Call]:
    """Return encodes."""
    encode, alpha = partial(gpudict.encode, X, V), problem.alpha
    return {
        "encode": partial(encode, alpha=alpha),
        "encode, portable": partial(encode, alpha=alpha, solver="working_set"),
        "encode, warm": partial(encode, alpha=alpha, init=encode(alpha=alpha).Z),
        "pursuit": partial(encode, n_nonzero_coefs=problem.n_nonzero_coefs),
        "one row": partial(gpudict.encode, X[:1, :], V, alpha=alpha),
    }


def _inside(X: Any, V: Any, problem: Problem) -> dict[str, Call]:
    """Return the parts of an encode: the kernel, where it runs, and the certificate."""
    plan = Plan.of(X, V.shape[0], L1(problem.alpha), solver="cd", tol=None, max_iter=None)
    request = Request(X, V)
    q = request.quadratic(request.shared_gram(places.gram_limit(X)))
    penalty, zeros = plan.penalty.astype(q.cov.dtype), array_namespace(X).zeros_like(q.cov)
    done = run(plan.solver, q, penalty, zeros, stop=plan.stop, max_iter=plan.max_iter)
    found: dict[str, Call] = {"certificate": lambda: refined(done, q, plan)}
    if places.allowed() and places.works(X):
        found["kernel"] = partial(_launch.lasso, q, penalty, zeros, slots=(1, 2), rounds=100)
    return found


def _learning(X: Any, V: Any, problem: Problem) -> dict[str, Call]:
    """Return the parts of learning."""
    alpha = problem.alpha
    recipe, samples = updates.recipe_for(X, len(V), alpha=alpha), Samples.of(X)
    q, batch = statistics(X, gpudict.encode(X, V, alpha=alpha).Z), Samples.of(X[:BATCH, :])
    rng = draws(0)
    state = online.step(online.begin(batch, recipe, V, rng), batch, recipe, rng).state
    learn = {"alpha": alpha, "max_iter": 1, "tol": 0, "dict_init": V, "random_state": 0}
    return {
        "update": lambda: recipe.update(q, V),
        "start": lambda: atoms.start(samples, len(V), "svd", None, rng, positive=False),
        "online step": lambda: online.step(state, batch, recipe, rng),
        "iteration": lambda: gpudict.learn(X, len(V), **learn),
    }
