"""Many problems at once: X (b, n, d), and a dictionary for each of the b.

It is the learner of one problem, called for each; small ones on the host are learned by `small`
first, and those that it leaves as any problem is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.door import Array, array_namespace, asarray_like, is_array
from gpudict.arrays.plain import is_one, reals
from gpudict.learning import small
from gpudict.learning.records import Learned

Learner = TypeVar("Learner", bound=Callable[..., Any])
ONE = (  # what is of one problem
    "callback", "checkpoint", "resume", "devices", "time_limit", "entry_weight", "missing",
)  # fmt: skip
DIMENSIONS = {"dict_init": 3, "code_init": 3, "sample_weight": 2, "alpha": 1}  # of one for each
FEW = ("alpha", "sample_weight")  # which may come from anywhere


def of_each(learn: Learner) -> Learner:
    """Let a learner of X (n, d) take X (b, n, d), and return the results of all in one."""
    signature = inspect.signature(learn)

    @functools.wraps(learn)
    def each(X: Any, /, *arguments: Any, **options: Any) -> Any:
        if not is_array(X) or X.ndim != 3:
            return learn(X, *arguments, **options)
        bound = signature.bind(X, *arguments, **options)
        bound.apply_defaults()
        _, *rest = bound.arguments.items()
        return learned(X, learn, dict(rest))

    return cast(Learner, each)


def learned(X: Array, learn: Callable[..., Learned], asked: dict[str, Any]) -> Learned:
    """Return what is learned of each problem, in arrays with the problems first."""
    for name in ONE:
        if asked[name] is not None and asked[name] is not False:
            raise ValueError(
                f"{name} came with X of the shape {tuple(X.shape)}, which is a batch of problems, "
                "and it is of one. Leave it out, or learn from each X[i] in a loop."
            )
    (b, n, d), xp = X.shape, array_namespace(X)
    X = xp.reshape(check.samples(xp.reshape(X, (b * n, d))), (b, n, d))
    each = [asked | own for own in _own(asked, b)]
    found = small.learned(X, each) or [None] * b
    for i, options in enumerate(each):
        found[i] = found[i] or learn(X[i, ...], **options)
    return _joined(cast(list[Learned], found), X)


def _own(asked: dict[str, Any], b: int) -> list[dict[str, Any]]:
    """Return those parameters of which each problem has its own."""
    arrays = {name: asked[name] for name in DIMENSIONS if is_array(asked[name])}
    arrays |= {name: reals(asked[name], name) for name in FEW if not is_one(asked[name])}
    own = {
        name: list(value) if value.ndim == 1 else [value[i, ...] for i in range(value.shape[0])]
        for name, value in arrays.items()
        if value.ndim == DIMENSIONS[name]
    }
    if isinstance(asked["random_state"], Sequence | np.ndarray):
        own["random_state"] = list(asked["random_state"])
    for name, values in own.items():
        if len(values) != b:
            raise ValueError(
                f"{name} has {len(values)} entries, and X is {b} problems. Pass one for all, or "
                "one for each."
            )
    return [{name: values[i] for name, values in own.items()} for i in range(b)]


def _joined(each: list[Learned], X: Array) -> Learned:
    """Return the results of all problems in one; objectives end in NaN where there are fewer."""
    xp, most = array_namespace(X), max(one.n_iter for one in each)
    objective = np.full((len(each), most), np.nan)
    for row, one in zip(objective, each, strict=True):
        row[: one.n_iter] = [record.objective for record in one.history]
    names = ("dictionary", "code", "gap")
    dictionary, code, gap = (xp.stack([getattr(one, name) for one in each]) for name in names)
    converged, counts = (np.array([one[i] for one in each]) for i in (4, 5))
    told: Any = (converged, counts, [one.history for one in each])
    alphas: Any = None if each[0].alpha is None else np.array([one.alpha for one in each])
    made = (dictionary, code, asarray_like(objective, X), gap, *told, None, alphas)
    return Learned._make(made)
