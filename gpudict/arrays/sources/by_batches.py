"""Functions of rows, each row by itself, that take streams: the batches' results, stacked."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar, cast

from gpudict.arrays.backends import backend_of
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.chunks.loop import stacked
from gpudict.arrays.chunks.rowwise import rowwise
from gpudict.arrays.door import array_namespace, at, device, is_array, is_numpy
from gpudict.arrays.saying import in_batches_saying
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
            call = partial(_of_rows, _alone(self), method.__name__, arguments, options)
            return rowwise(call, chunked(X))
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
        return rowwise(mapped, chunked(X))
    if not is_source(X):
        return mapped(X)
    stream = as_stream(X)
    n = None if stream.shape is None else stream.shape[0]
    with in_batches_saying():
        return _gathered((mapped(rows) for _, rows in stream.batches()), n)  # in their order


def _gathered(parts: Iterable[Any], n: int | None) -> Any:
    """Write dense parts into arrays of n rows as they come, so that none is held beside them."""
    whole: list[Any] = []
    several, low = False, 0
    for part in parts:
        several = isinstance(part, tuple)
        each = part if several else (part,)
        whole = whole or [_empty(n, one) for one in each]
        high = low + each[0].shape[0]
        whole = [_with(a, b, slice(low, high)) for a, b in zip(whole, each, strict=True)]
        low = high
    if not whole:
        raise ValueError(EMPTY)
    whole = [stacked(a) if isinstance(a, list) else a for a in whole]
    return tuple(whole) if several else whole[0]


def _empty(n: int | None, like: Any) -> Any:
    """Return an array for n rows such as these, or a list if n is not known or they are sparse."""
    if n is None or not is_array(like):
        return []
    xp = array_namespace(like)
    if backend_of(xp).obstacle(like) is not None:
        return []
    return xp.empty((n, *like.shape[1:]), dtype=like.dtype, device=device(like))


def _with(whole: Any, part: Any, here: slice) -> Any:
    """Return what there is, with a part of it."""
    if isinstance(whole, list):
        return [*whole, part]
    return at(whole)[here, ...].set(part, copy=None)
