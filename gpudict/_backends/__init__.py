"""The array libraries, one row each: all that the array API standard leaves open.

The standard fixes names and semantics, so nearly everything is written once. Some things it leaves
to the library: how a value reaches the host, how rows of (index, value) pairs become a dense
array, how a batch of small systems is solved without waiting for the device, whether a launch
costs more than the work inside it, whether the library runs on several threads by itself, how an
array is cut from an autograd graph, whether a new shape is compiled anew, whether NumPy can read it
in place, sparse matrices, kernels in CUDA C, which devices there are, free memory, and the
precision of products. A new library is a new row; an unknown one that conforms to the standard gets
the row `STANDARD`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from gpudict._backends import devices, launching, memory, precision, sparse

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
    """Solve with the library's own solver, which may refuse all systems for a singular one."""
    try:
        if hasattr(xp, "linalg"):
            return xp.linalg.solve(A, B)
    except (ValueError, RuntimeError):  # NumPy's LinAlgError is the one, oneMKL's the other
        pass
    with np.errstate(all="ignore"):  # a singular system becomes inf or nan, and the others stay
        return gauss_jordan(xp, A, B)


def _solve_torch(xp: Namespace, A: Array, B: Array) -> Array:
    import torch

    return torch.linalg.solve_ex(A, B)[0]  # unlike `solve`, it does not wait to check for errors


def _take(xp: Namespace, x: Array, rows: Array) -> Array:
    return xp.take(x, rows, axis=0)


def _take_torch(xp: Namespace, x: Array, rows: Array) -> Array:
    return x.index_select(0, rows)  # one launch; the standard's takes four, for negative indices


def _pick(xp: Namespace, x: Array, index: Array) -> Array:
    return xp.take_along_axis(x, index, axis=1)


def _pick_torch(xp: Namespace, x: Array, index: Array) -> Array:
    return x.gather(1, index)


def _torch_from_host(a: np.ndarray) -> Array:
    import torch

    return torch.from_numpy(a)


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
    on_host : whether this array's memory is the host's, so that NumPy can read it in place
    from_host : NumPy array of the host -> array of the library, in place
    take : (xp, x (n, …), rows) -> the rows of x, by indices that are not negative
    pick : (xp, x (n, k), index (n, m)) -> these entries of each row, likewise
    csr : (values, columns, row ends, shape) -> the library's sparse matrix in compressed rows; None
        if it has none
    csr_parts : dense (n, k) -> the ends of its rows, and columns and values of its non-zeros
    launcher : array -> what starts a kernel in CUDA C on its device, or None (see `launching`)
    devices : () -> the devices that it can compute on here; None for a library that has none of its
        own, made to test others
    free_memory : array -> bytes that are free on its device; None where it cannot be asked
    give_back : return the cached memory of this array's device to whoever else wants it
    exhausted : whether an error, not a MemoryError, says that memory was not enough
    precise : array -> the context in which products keep the precision of their factors
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
    on_host: Callable[[Array], bool] = lambda x: False
    from_host: Callable[[np.ndarray], Array] = lambda a: a
    take: Callable[[Namespace, Array, Array], Array] = _take
    pick: Callable[[Namespace, Array, Array], Array] = _pick
    csr: Callable[..., Any] | None = None
    csr_parts: Callable[[Array], tuple[Array, Array, Array]] | None = None
    launcher: Callable[[Array], launching.Launcher | None] = lambda x: None
    devices: Callable[[], devices.Devices] | None = None
    free_memory: Callable[[Array], int | None] = lambda x: None
    give_back: Callable[[Array], None] = lambda x: None
    exhausted: Callable[[BaseException], bool] = lambda error: False
    precise: Callable[[Array], AbstractContextManager[Any]] = lambda x: nullcontext()


BACKENDS = (
    Backend(
        "numpy", "numpy", "python -m pip install numpy",
        np.asarray, _assign, threaded=False, on_host=lambda x: True,
        csr=sparse.numpy_csr, csr_parts=sparse.numpy_csr_parts, devices=devices.numpy_devices,
    ),
    Backend(
        "torch", "torch", "python -m pip install torch",
        lambda x: x.cpu().numpy(), _assign, _solve_torch, lambda x: x.device.type != "cpu",
        detach=lambda x: x.detach(), on_host=lambda x: x.device.type == "cpu",
        from_host=_torch_from_host, take=_take_torch, pick=_pick_torch,
        csr=sparse.torch_csr, csr_parts=sparse.torch_csr_parts,
        launcher=launching.torch_launcher, devices=devices.torch_devices,
        free_memory=memory.torch_free, give_back=memory.torch_give_back,
        exhausted=memory.torch_exhausted, precise=precision.torch_precise,
    ),
    Backend(
        "cupy", "cupy", "python -m pip install 'cupy-cuda12x[ctk]' (or cupy-cuda13x)",
        lambda x: x.get(), _assign, launch_bound=lambda x: True, csr=sparse.cupy_csr,
        csr_parts=sparse.cupy_csr_parts, launcher=launching.cupy_launcher,
        devices=devices.cupy_devices, free_memory=memory.cupy_free,
        give_back=memory.cupy_give_back, precise=precision.cupy_precise,
    ),
    Backend("jax", "jax", "python -m pip install jax", np.asarray, _functional,
            launch_bound=_jax_launch_bound, compiles=True, devices=devices.jax_devices,
            free_memory=memory.jax_free, exhausted=memory.jax_exhausted,
            precise=precision.jax_precise),
    Backend("dpnp", "dpnp", "python -m pip install dpnp", lambda x: x.asnumpy(), _assign,
            launch_bound=lambda x: x.sycl_device.is_gpu, devices=devices.dpnp_devices,
            free_memory=memory.dpnp_free, exhausted=memory.dpnp_exhausted),
    Backend("array_api_strict", "array_api_strict", "python -m pip install array-api-strict",
            _strict_to_host),
)  # fmt: skip
STANDARD = Backend("standard", "", "")


@functools.cache
def backend_of(xp: Namespace) -> Backend:
    """Return the row of the library that `xp` is the namespace of."""
    rows = {row.name: row for row in BACKENDS}
    return next((rows[part] for part in xp.__name__.split(".") if part in rows), STANDARD)
