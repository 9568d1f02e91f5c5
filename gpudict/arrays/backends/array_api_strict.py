"""array-api-strict: the standard to the letter, made to test others."""

from __future__ import annotations

import numpy as np

from gpudict.arrays.backends._contract import Array, Backend, Mover, moves


def mover(device: str | None) -> Mover:
    """Return what makes its arrays, on one of its devices."""
    import array_api_strict

    return moves(array_api_strict, device)


def to_host(x: Array) -> np.ndarray:
    """Copy to its device that is the host, and read it there."""
    import array_api_strict

    return np.asarray(x.to_device(array_api_strict.Device("CPU_DEVICE")))


BACKEND = Backend(
    name="array_api_strict",
    requires="array_api_strict",
    install="python -m pip install array-api-strict",
    mover=mover,
    cast="array_api_strict.astype({name}, array_api_strict.{dtype})",
    to_host=to_host,
)
