"""The array libraries, one row each: all that the array API standard leaves open.

The standard fixes names and semantics, so nearly everything is written once. Seven things it leaves
to the library: how a value reaches the host, how rows of (index, value) pairs become a dense
array, how a batch of small systems is solved without waiting for the device, whether a launch
costs more than the work inside it, whether the library runs on several threads by itself, how an
array is cut from an autograd graph, and whether a new shape is compiled anew. A new library is a
new row; an unknown one that conforms to the standard gets the row `STANDARD`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = Any
Namespace = Any


def _assign(xp: Namespace, index: Array, values: Array, k: int, device: Any) -> Array:
    rows = xp.arange(index.shape[0], device=device)[:, None]
    out = xp.zeros((index.shape[0], k), dtype=values.dtype, device=device)
    out[rows, index] = values
    return out


def _functional(xp: Namespace, index: Array, values: Array, k: int, device: Any) -> Array:
    rows = xp.arange(index.shape[0])[:, None]
    return xp.zeros((index.shape[0], k), dtype=values.dtype).at[rows, index].set(values)


def _select(xp: Namespace, index: Array, values: Array, k: int, device: Any) -> Array:
    """Scatter with nothing but `where`: a launch a slot, and right everywhere."""
    out = xp.zeros((index.shape[0], k), dtype=values.dtype, device=device)
    columns = xp.arange(k, device=device)[None, :]
    for s in range(index.shape[1]):
        out = xp.where(columns == index[:, s : s + 1], values[:, s : s + 1], out)
    return out


def gauss_jordan(xp: Namespace, A: Array, B: Array) -> Array:
    """Solve A[i] Y[i] = B[i] for positive definite A[i], without a linear algebra extension."""
    m = A.shape[-1]
    M = xp.concat([A, B], axis=-1)
    row = xp.arange(m, device=M.device)[None, :, None]
    for j in range(m):
        pivot = M[:, j : j + 1, :] / M[:, j : j + 1, j : j + 1]
        M = xp.where(row == j, pivot, M - M[:, :, j : j + 1] * pivot)
    return M[:, :, m:]


def _solve(xp: Namespace, A: Array, B: Array) -> Array:
    return xp.linalg.solve(A, B) if hasattr(xp, "linalg") else gauss_jordan(xp, A, B)


def _solve_numpy(xp: Namespace, A: Array, B: Array) -> Array:
    try:
        return np.linalg.solve(A, B)
    except np.linalg.LinAlgError:  # one singular system in the batch: it becomes inf, the rest stay
        with np.errstate(all="ignore"):
            return gauss_jordan(np, A, B)


def _solve_torch(xp: Namespace, A: Array, B: Array) -> Array:
    import torch

    return torch.linalg.solve_ex(A, B)[0]  # unlike `solve`, it does not wait to check for errors


def _strict_to_host(x: Array) -> np.ndarray:
    import array_api_strict

    return np.asarray(x.to_device(array_api_strict.Device("CPU_DEVICE")))


def _jax_launch_bound(x: Array) -> bool:
    return any(d.platform != "cpu" for d in x.devices())


class Backend(NamedTuple):
    """What one array library does in its own way.

    Attributes
    ----------
    name : the component of its namespace's dotted name, and what `--backend` takes
    requires : the module whose absence means that the library is not installed
    install : the command that installs it
    to_host : array -> numpy.ndarray; waits for the device
    scatter : (xp, index (n, m), values (n, m), k, device) -> dense (n, k)
    solve : (xp, A (n, m, m), B (n, m, p)) -> (n, m, p), without a wait where there is such a way
    launch_bound : whether starting an operation on this array's device costs more than small work
    threaded : whether one operation already uses all cores (or is not the host's work at all)
    detach : array -> the same array outside any autograd graph
    compiles : whether each new shape of an operation is compiled anew
    """

    name: str
    requires: str
    install: str
    to_host: Callable[[Array], np.ndarray] = np.from_dlpack
    scatter: Callable[[Namespace, Array, Array, int, Any], Array] = _select
    solve: Callable[[Namespace, Array, Array], Array] = _solve
    launch_bound: Callable[[Array], bool] = lambda x: False
    threaded: bool = True
    detach: Callable[[Array], Array] = lambda x: x
    compiles: bool = False


BACKENDS = (
    Backend(
        "numpy", "numpy", "python -m pip install numpy",
        np.asarray, _assign, _solve_numpy, threaded=False,
    ),
    Backend(
        "torch", "torch", "python -m pip install 'gpudict[torch]'",
        lambda x: x.cpu().numpy(), _assign, _solve_torch, lambda x: x.device.type != "cpu",
        detach=lambda x: x.detach(),
    ),
    Backend(
        "cupy", "cupy", "python -m pip install 'gpudict[cupy-cuda12]' (or cupy-cuda13)",
        lambda x: x.get(), _assign, launch_bound=lambda x: True,
    ),
    Backend("jax", "jax", "python -m pip install jax", np.asarray, _functional,
            launch_bound=_jax_launch_bound, compiles=True),
    Backend("dpnp", "dpnp", "python -m pip install dpnp", lambda x: x.asnumpy(), _assign,
            launch_bound=lambda x: x.sycl_device.is_gpu),
    Backend("array_api_strict", "array_api_strict", "python -m pip install array-api-strict",
            _strict_to_host),
)  # fmt: skip
STANDARD = Backend("standard", "", "")


def backend_of(xp: Namespace) -> Backend:
    """Return the row of the library that `xp` is the namespace of."""
    rows = {row.name: row for row in BACKENDS}
    return next((rows[part] for part in xp.__name__.split(".") if part in rows), STANDARD)


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
