"""How a NumPy array gets to a library and a device that are named in words."""

from __future__ import annotations

import importlib.util

from gpudict.arrays.backends import named, names
from gpudict.arrays.backends._contract import Mover


def load(name: str, device: str | None = None) -> Mover:
    """Return the function that moves a NumPy array to the library `name`, on `device`.

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
    return row.mover(device)
