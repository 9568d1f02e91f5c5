"""Whether a parameter is what it was: those that made the start of learning can't change later."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays.door import is_array, no_graph, to_host


def same(a: Any, b: Any) -> bool:
    """Whether two values of a parameter are one, or equal arrays."""
    if a is b or a is None or b is None:
        return a is b
    if any(is_array(v) or isinstance(v, list | tuple) for v in (a, b)):
        x, y = (to_host(no_graph(v)) if is_array(v) else np.asarray(v) for v in (a, b))
        return np.array_equal(x, y)
    return bool(a == b)


def check_unchanged(learner: Any, atoms: int, asked: int) -> None:
    """Raise if a parameter that no later batch can follow is not what learning began with.

    `atoms` are those that there are, and `asked` those that are asked for now.
    """
    began = {"n_components": atoms, **getattr(learner, "_started", {})}
    for name, before in began.items():
        now = asked if name == "n_components" else getattr(learner, name)
        if not same(before, now):
            short = all(v is None or isinstance(v, str | int) for v in (before, now))
            what = f", {before!r} then and {now!r} now" if short else ""
            raise ValueError(
                f"{name} was changed since learning began{what}, and partial_fit goes on from "
                f"the atoms that are there. Set {name} back, call fit, which begins anew, or "
                "make a new estimator."
            )
