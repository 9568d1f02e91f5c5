"""NumPy: the host, and where all draws are made."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from gpudict.arrays.backends._contract import Backend, Csr, Device, Devices, assign, moves


def csr(values: np.ndarray, columns: np.ndarray, ends: np.ndarray, shape: tuple[int, int]) -> Any:
    """Return the matrix of SciPy."""
    from scipy.sparse import csr_array

    if ends[-1] <= np.iinfo(columns.dtype).max:  # or SciPy copies the columns in its wider dtype
        ends = ends.astype(columns.dtype)
    return csr_array((values, columns, ends), shape=shape)


def csr_parts(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ends of the rows, and columns and values of the non-zeros."""
    rows, columns = np.nonzero(Z)
    ends = np.searchsorted(rows, np.arange(len(Z) + 1))
    return ends, columns.astype(np.int32), Z[rows, columns]


def obstacle(x: np.ndarray) -> str | None:
    """Return what keeps fields from being columns."""
    if x.dtype.names is None:
        return None
    return (
        "a structured array, and one of plain numbers is needed. Convert it with "
        "numpy.lib.recfunctions.structured_to_unstructured({name})."
    )


def detach(x: np.ndarray) -> np.ndarray:
    """Return the array of a subclass, which may have operators of its own."""
    return x if type(x) is np.ndarray else np.asarray(x)


BACKEND = Backend(
    name="numpy",
    requires="numpy",
    install="python -m pip install numpy",
    mover=lambda device: moves(np, device),
    obstacle=obstacle,
    detach=detach,
    to_host=np.asarray,
    on_host=lambda x: True,
    threaded=False,
    scatter=assign,
    csr=Csr(csr, csr_parts),
    sites=lambda x: (),
    devices=lambda: Devices((Device("cpu", platform.machine()),)),
)
