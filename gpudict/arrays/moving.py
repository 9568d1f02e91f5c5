"""How a NumPy array gets to a library and a device that are named in words."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from gpudict.arrays.backends import named, names
from gpudict.arrays.backends._contract import Mover
from gpudict.arrays.door import Array, array_namespace, device, is_array


def load(name: str, place: str | None = None) -> Mover:
    """Return the function that moves a NumPy array to the library `name`, on the device `place`.

    Raises
    ------
    ValueError
        There is no row of that name.
    ModuleNotFoundError
        The library is not installed; the message ends with the command that installs it.
    """
    if name not in names():
        raise ValueError(f"Unknown backend {name!r}: pass one of {', '.join(names())}.")
    row = named(name)
    if importlib.util.find_spec(row.requires) is None:
        raise ModuleNotFoundError(
            f"The backend {name!r} needs {row.requires}, which is not installed. "
            f"Install it with: {row.install}",
            name=row.requires,
        )
    return row.mover(place)


def mover(to: Any) -> Mover:
    """Return what moves NumPy arrays to what is named, or to where an array is."""
    if to is None:
        return np.asarray
    if is_array(to):
        return lambda a: array_namespace(to).asarray(a, device=device(to))
    if not isinstance(to, str):
        raise TypeError(
            f"to is a {type(to).__name__}, and a name such as 'numpy', 'cupy' or 'torch:cuda:0', "
            "or an array is needed. Pass one."
        )
    name, _, place = to.partition(":")
    return load(name, place or None)


def moved(to: Any, a: np.ndarray) -> Array:
    """Return an array where `mover` moves it: a function that can be sent to where that is."""
    return mover(to)(a)


def reached(move: Mover, to: Any) -> Mover:
    """Return what moves arrays `to` somewhere, if it can from here.

    Raises
    ------
    ValueError
        There is no such device.
    """
    try:
        move(np.zeros(1, np.float32))
    except Exception as error:  # each library has its own
        why = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        raise ValueError(
            f"to={to!r} can't be reached ({why}). Pass another place: `gpudict doctor` says which "
            "there are."
        ) from error
    return move
