"""How a NumPy array gets to a library and a device that are named in words."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np

from gpudict._backends import BACKENDS, Array


def load(name: str, device: str | None = None) -> Callable[[np.ndarray], Array]:
    """Return the function that moves a NumPy array to the library `name`, on `device`.

    Raises
    ------
    ValueError
        The name is not in the table.
    ModuleNotFoundError
        The library is not installed; the message ends with the command that installs it.
    """
    row = next((row for row in BACKENDS if row.name == name), None)
    if row is None:
        known = ", ".join(r.name for r in BACKENDS)
        raise ValueError(f"Unknown backend {name!r}: pass one of {known}.")
    if importlib.util.find_spec(row.requires) is None:
        raise ModuleNotFoundError(
            f"The backend {name!r} needs {row.requires}, which is not installed. "
            f"Install it with: {row.install}",
            name=row.requires,
        )
    return _MOVERS.get(name, _move_plainly(name))(device)


def _move_plainly(name: str) -> Callable[[str | None], Callable[[np.ndarray], Array]]:
    def mover(device: str | None) -> Callable[[np.ndarray], Array]:
        xp = importlib.import_module(name)
        return lambda a: xp.asarray(a) if device is None else xp.asarray(a, device=device)

    return mover


def _move_jax(device: str | None) -> Callable[[np.ndarray], Array]:
    import jax

    platform, _, index = (device or "").partition(":")
    where = jax.devices(platform)[int(index or 0)] if platform else None
    return lambda a: jax.device_put(a, where)


def _move_cupy(device: str | None) -> Callable[[np.ndarray], Array]:
    import cupy

    where = cupy.cuda.Device(int((device or "cuda:0").rpartition(":")[2]))

    def move(a: np.ndarray) -> Array:
        with where:
            return cupy.asarray(a)

    return move


_MOVERS = {"jax": _move_jax, "cupy": _move_cupy}
