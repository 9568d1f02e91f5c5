"""Functions of rows, each row by itself, that take streams: the batches' results, stacked."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.chunks.rowwise import rowwise
from gpudict.arrays.door import array_namespace, is_numpy
from gpudict.arrays.sources.stream import as_stream, is_source
from gpudict.arrays.sources.table import EMPTY

Method = TypeVar("Method", bound=Callable[..., Any])


def by_batches(method: Method) -> Method:
    """Let a method that maps rows take what is read as it is needed, too."""

    @functools.wraps(method)
    def inside(self: Any, X: Any, *arguments: Any, **options: Any) -> Any:
        if is_chunked(X):
            if method.__name__ == "transform":
                self._check_output(X, "transform")
            return rowwise(partial(_of_rows, _alone(self), method.__name__, arguments, options), X)
        return over_batches(lambda rows: method(self, rows, *arguments, **options), X)

    return cast(Method, inside)


def _alone(self: Any) -> Any:
    """Return an estimator without what it learned that is in chunks itself, to be sent."""
    alone = copy.copy(self)
    for name, value in vars(self).items():
        if name.endswith("_") and is_chunked(value):
            delattr(alone, name)
    return alone


def _of_rows(self: Any, name: str, arguments: Any, options: Any, rows: Any) -> Any:
    """Call a method with rows: a function that can be sent to where they are."""
    here = self if is_numpy(rows) else self.to(rows)
    return getattr(here, name)(rows, *arguments, **options)


def over_batches(mapped: Callable[[Any], Any], X: Any) -> Any:
    """Return what the rows are mapped to, an array or a tuple of them; of a stream, stacked.

    Of rows in chunks it is in chunks, and the function has to be one that can be sent there.
    """
    if is_chunked(X):
        return rowwise(mapped, X)
    if not is_source(X):
        return mapped(X)
    parts = [mapped(rows) for rows in as_stream(X)]
    if not parts:
        raise ValueError(EMPTY)
    if not isinstance(parts[0], tuple):
        return _stacked(parts)
    return tuple(_stacked(part) for part in zip(*parts, strict=True))


def _stacked(parts: Any) -> Any:
    return array_namespace(parts[0]).concat(list(parts))
