"""Every check of a parameter that is no array: numbers, names, seeds, and their sentences."""

from __future__ import annotations

import math
import time
from numbers import Integral, Real
from typing import Any

import numpy as np

REAL, WHOLE = (float, int, Real), (int, Integral)  # the usual first: it is what is asked most
NEVER = (bool, np.timedelta64)  # flags and, to NumPy, durations are integers, and not here


def number(value: Any, name: str, *, minimum: float = 0.0) -> float:
    """Return value as a finite float that is not below the minimum."""
    if not _is_a(value, REAL):
        raise TypeError(
            f"{name} must be a real number, but a {type(value).__name__} came. "
            f"Pass a float, at least {minimum:g}."
        )
    try:
        finite = math.isfinite(value)
    except OverflowError:  # an int or a fraction may be of any size
        finite = False
    if not finite or value < minimum:
        raise ValueError(
            f"{name} must be finite and at least {minimum:g}, but {value} came. Pass such a number."
        )
    return float(value)


def count(value: Any, name: str, *, minimum: int = 1) -> int:
    """Return value as an int that is not below the minimum."""
    if not _is_a(value, WHOLE):
        raise TypeError(
            f"{name} must be an integer, but a {type(value).__name__} came. "
            f"Pass a whole number, at least {minimum}."
        )
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, but {value} came. Pass a larger one.")
    return int(value)


def jobs(value: Any) -> int | None:
    """Return n_jobs if it is None or an integer other than 0."""
    if value is None:
        return None
    if not _is_a(value, WHOLE) or value == 0:
        raise ValueError(
            f"n_jobs must be None or an integer other than 0, but {value!r} came. "
            "Pass a number of threads, -1 for all cores, or None for as many as BLAS would use."
        )
    return int(value)


def deadline(seconds: Any, name: str) -> float:
    """Return when so many seconds from now are over, by `time.perf_counter`; never if None."""
    return math.inf if seconds is None else time.perf_counter() + number(seconds, name)


def choice(value: Any, name: str, known: tuple[str, ...]) -> str:
    """Return value if it is one of the known strings."""
    if not isinstance(value, str) or value not in known:
        import difflib

        near = difflib.get_close_matches(str(value).removeprefix("lasso_"), known, 1)
        near = near or [k for k in known if k.removeprefix("lasso_") == value]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"{name}={value!r} is not known.{hint} Pass one of: {', '.join(map(repr, known))}."
        )
    return str(value)


def random_source(value: Any) -> Any:
    """Return value if it is None, an int, a RandomState or a Generator."""
    if value is None or isinstance(value, np.random.RandomState | np.random.Generator):
        return value
    if not _is_a(value, WHOLE) or not 0 <= int(value) < 2**32:
        raise ValueError(
            f"random_state must be None, an int in [0, 2³²), a numpy RandomState or Generator, but "
            f"{value!r} came. Pass one of those; an int makes the result repeatable."
        )
    return int(value)


def _is_a(value: Any, kind: tuple[type, ...]) -> bool:
    """Whether value is such a number."""
    return isinstance(value, kind) and not isinstance(value, NEVER)
