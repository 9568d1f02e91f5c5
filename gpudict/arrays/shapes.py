"""Functions that are traced and compiled as a whole, by libraries that compile each new shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from gpudict.arrays.backends import backend_of
from gpudict.arrays.door import Array, array_namespace

Function = TypeVar("Function", bound=Callable[..., object])


def traced(function: Function, like: Array) -> Function:
    """Return the function as the library of `like` runs it best.

    It must be pure, and of a module, so that it is the same at each call. What it takes by position
    are arrays or numbers, which are not looked at; what it takes by keyword alone can be hashed.
    """
    return cast(Function, backend_of(array_namespace(like)).traced(function))
