"""The device of the data, made the current one around what users call, where a library asks for it.

CuPy makes arrays on the device that is current, and computes there, whatever its data are on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

import numpy as np

from gpudict.arrays.backends import backend_of
from gpudict.arrays.door import Array, array_namespace, is_array

Entry = TypeVar("Entry", bound=Callable[..., Any])


def home(x: Array) -> AbstractContextManager[Any]:
    """Return the context in which the device of x is the current one."""
    return backend_of(array_namespace(x)).home(x)


def at_home(entry: Entry) -> Entry:
    """Let a function run where its first array is."""

    @functools.wraps(entry)
    def inside(*arguments: Any, **options: Any) -> Any:
        with _first(*arguments, *options.values()):
            return entry(*arguments, **options)

    return cast(Entry, inside)


def _first(*given: Any) -> AbstractContextManager[Any]:
    for x in given:
        if type(x) is np.ndarray:  # as most are
            break
        if is_array(x):
            return home(x)
    return nullcontext()
