"""Rows spread over several devices of one machine: which ones, the blocks, and a thread for each.

A device works while Python goes on, but a wait for it blocks the thread that waits: so each has a
thread of its own, with the device, the stream and the context of the caller. All that crosses from
device to device is moved by the caller's thread, where it is in order with what comes before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from itertools import pairwise
from typing import Any, TypeVar

from gpudict.arrays.backends import backend_of
from gpudict.arrays.backends._contract import Site
from gpudict.arrays.door import Array, array_namespace, at, device, library
from gpudict.arrays.threads import at_once

Result = TypeVar("Result")
EVERY = "all"


def chosen(devices: Any, X: Array) -> tuple[Any, ...]:
    """Return the devices that the rows of X are spread over, as its library has them.

    None are returned where X is to stay where it is, as a whole: for None, and for its own alone.

    Raises
    ------
    TypeError, ValueError
        They are not devices of X's library, or one of them can't hold X; the message says which.
    """
    if devices is None:
        return ()
    sites = backend_of(array_namespace(X)).sites(X)
    if not sites:
        raise ValueError(
            f"devices={devices!r} came with an array of {library(X)}, which has no devices but the "
            "host: its rows go to threads. Pass n_jobs for their number, or X in a library of GPUs."
        )
    if isinstance(devices, str) and devices == EVERY:
        found = tuple(site.device for site in sites if site.alike)
    else:
        found = tuple(_known(one, sites, X) for one in _listed(devices, sites))
    for i, one in enumerate(found):
        if one in found[:i]:
            raise ValueError(
                f"devices has {one} twice, and a device takes one block of rows. Pass it once."
            )
        if one != device(X):
            _holding(one, X)
    return () if found == (device(X),) else found


def _listed(devices: Any, sites: tuple[Site, ...]) -> list[Any]:
    if isinstance(devices, str) or not isinstance(devices, Iterable):
        raise TypeError(
            f"devices must be None, {EVERY!r} or a list of devices, but {devices!r} came. "
            f"Pass [{devices!r}] for one device; here are {_named(sites)}."
        )
    listed = list(devices)
    if not listed:
        raise ValueError(
            "devices is an empty list, and at least one device is needed. Pass None for where X "
            f"is, {EVERY!r}, or some of: {_named(sites)}."
        )
    return listed


def _known(one: Any, sites: tuple[Site, ...], X: Array) -> Any:
    """Return the device that a user means; a flag is no number, and 1.0 none either."""
    words = [(site.device, word) for site in sites for word in (site.device, *site.words)]
    for found, word in words:
        if type(one) is type(word) and one == word:
            return found
    strange = type(one) not in {type(word) for _, word in words}
    raise (TypeError if strange else ValueError)(
        f"devices has {one!r}, which is no device that {library(X)}, the library of X, sees here. "
        f"Pass some of: {_named(sites)}."
    )


def _named(sites: tuple[Site, ...]) -> str:
    return ", ".join(str(site.words[-1] if site.words else site.device) for site in sites)


def _holding(one: Any, X: Array) -> None:
    """Raise a ValueError if a device has not the floating dtypes that the device of X has."""
    kinds = array_namespace(X).__array_namespace_info__()
    here, there = (kinds.dtypes(device=d, kind="real floating") for d in (device(X), one))
    if lacks := here.keys() - there.keys():
        raise ValueError(
            f"devices has {one}, which has no {min(lacks)}, and the device of X, {device(X)}, has. "
            "Leave it out, or move X there and pass that device alone."
        )


def blocks(n: int, parts: int) -> list[slice]:
    """Return n rows in at most that many contiguous blocks, none empty, as equal as can be."""
    parts = min(n, parts)
    ends = [n * i // parts for i in range(parts + 1)]
    return [slice(low, high) for low, high in pairwise(ends)]


def moved(x: Array, where: Any) -> Array:
    """Return an array on a device of its library; itself if it is there."""
    if device(x) == where:
        return x
    return backend_of(array_namespace(x)).moved(x, where)


def gathered(parts: Sequence[Array], like: Array) -> Array:
    """Return blocks of rows as one array where `like` is; a single one as it is if it is there."""
    where = device(like)
    if len(parts) == 1:
        return moved(parts[0], where)
    (_, *rest), n = parts[0].shape, sum(part.shape[0] for part in parts)
    whole, low = array_namespace(like).empty((n, *rest), dtype=parts[0].dtype, device=where), 0
    for part in parts:
        here = slice(low, low + part.shape[0])
        whole, low = at(whole)[here, ...].set(moved(part, where), copy=None), here.stop
    return whole


def on_each(job: Callable[..., Result], where: Sequence[Array], *columns: Any) -> list[Result]:
    """Map the job over the columns, each row of them in the thread of the device of one array."""
    lanes = [backend_of(array_namespace(x)).lane(x) for x in where]
    rows = zip(*columns, strict=True)
    tasks = [(lane, copy_context(), row) for lane, row in zip(lanes, rows, strict=True)]

    def there(task: Any) -> Result:
        lane, context, row = task
        with lane:
            result: Result = context.run(job, *row)
            return result

    return at_once(there, tasks)
