"""The only door to the array libraries: namespace, device, dtype, copies, and every wait.

All that is computed elsewhere is computed with the functions of the array API standard. What
crosses the border between device and host crosses it here, in `to_host` and `read`, so that the
waits of an algorithm can be counted by reading it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import array_api_compat as compat
import numpy as np

from gpudict.arrays.backends import backend_of
from gpudict.arrays.backends._contract import Array, Csr, Launcher, Namespace

__all__ = [
    "Array",
    "Namespace",
    "array_namespace",
    "asarray_like",
    "at",
    "batched_solve",
    "bytes_each",
    "csr",
    "device",
    "divisor",
    "draws",
    "few_shapes",
    "float64_of",
    "from_host",
    "in_rows",
    "index_like",
    "is_array",
    "is_launch_bound",
    "is_numpy",
    "is_threaded",
    "launcher",
    "library",
    "no_graph",
    "on_host",
    "pick",
    "precise",
    "read",
    "same_place",
    "scatter",
    "sign",
    "take",
    "to_host",
]  # fmt: skip

device = compat.device


def at(x: Array) -> Any:
    """Return what writes into x, or into a copy of it: at(x)[places].set(values, copy=…)."""
    import array_api_extra as extra  # seldom needed, and slow to import

    return extra.at(x)


def is_array(x: Any) -> bool:
    """Whether x is an array of a library that follows the standard."""
    return bool(compat.is_array_api_obj(x))


def is_numpy(x: Any) -> bool:
    """Whether x is a NumPy array, which other host libraries take as it is."""
    return bool(compat.is_numpy_array(x))


def library(x: Any) -> str:
    """Return the name of the library that x is an array of, for people."""
    xp = array_namespace(x)
    row = backend_of(xp)
    return row.name if row.requires else str(xp.__name__)


def array_namespace(*arrays: Array) -> Namespace:
    """Return the standard's namespace of the arrays' library; looked up once for each type."""
    kinds = tuple(map(type, arrays))
    if kinds not in _NAMESPACES:
        _NAMESPACES[kinds] = compat.array_namespace(*arrays)
    return _NAMESPACES[kinds]


_NAMESPACES: dict[tuple[type, ...], Namespace] = {}


def same_place(x: Array, y: Array) -> bool:
    """Whether two arrays of one namespace are on one device."""
    return bool(device(x) == device(y))


def no_graph(x: Array) -> Array:
    """Return x outside any autograd graph: solvers are not differentiated through."""
    return backend_of(array_namespace(x)).detach(x)


def is_launch_bound(x: Array) -> bool:
    """Whether x lives where starting an operation costs more than small work (a GPU)."""
    return backend_of(array_namespace(x)).launch_bound(x)


def on_host(x: Array) -> bool:
    """Whether NumPy can read x where it is."""
    return backend_of(array_namespace(x)).on_host(x)


def from_host(a: np.ndarray, like: Array) -> Array:
    """Return an array of the host where `like` is, in place where that can be."""
    return a if type(like) is np.ndarray else backend_of(array_namespace(like)).from_host(a, like)


def launcher(x: Array) -> Launcher | None:
    """Return what starts a kernel in CUDA C where x is; None where that can't be."""
    return backend_of(array_namespace(x)).launcher(x)


def in_rows(x: Array) -> Array:
    """Return x with its rows contiguous where that is NumPy's to say: on the host."""
    return from_host(np.ascontiguousarray(to_host(x)), x) if on_host(x) else x


def csr(x: Array) -> Csr | None:
    """Return the sparse matrices in compressed rows of the library of x, if they are known here."""
    return backend_of(array_namespace(x)).csr


def precise(x: Array) -> AbstractContextManager[Any]:
    """Return the context in which products of arrays like x keep the precision of their dtype."""
    return backend_of(array_namespace(x)).precise(x)


def is_threaded(x: Array) -> bool:
    """Whether a single operation on x already uses all the cores it can."""
    return backend_of(array_namespace(x)).threaded


def few_shapes(x: Array, size: int, most: int, base: int = 4) -> int:
    """Return size, or the next power of a base (at most `most`) where new shapes are compiled."""
    if not backend_of(array_namespace(x)).compiles:
        return size
    power = 1
    while power < size:
        power *= base
    return min(power, most)


def float64_of(x: Array) -> Any | None:
    """Return the dtype float64 of x's library if x's device has it, else None."""
    kinds = array_namespace(x).__array_namespace_info__()
    return kinds.dtypes(device=device(x), kind="real floating").get("float64")


def to_host(x: Array) -> np.ndarray:
    """Copy x to the host: waits for the device."""
    return x if type(x) is np.ndarray else backend_of(array_namespace(x)).to_host(x)


def asarray_like(a: np.ndarray, like: Array, dtype: Any = None) -> Array:
    """Move a host array to the namespace and device of `like`, in its dtype unless one is given."""
    xp = array_namespace(like)
    moved = xp.asarray(a, device=device(like))
    return xp.astype(moved, like.dtype if dtype is None else dtype)


def index_like(a: np.ndarray, like: Array) -> Array:
    """Move host indices to the namespace and device of `like`, in its dtype for indices."""
    kinds = array_namespace(like).__array_namespace_info__()
    return asarray_like(a, like, kinds.default_dtypes(device=device(like))["indexing"])


def copied(x: Array) -> Array:
    """Return a copy of x, which may be written without x changing."""
    return array_namespace(x).asarray(x, copy=True)


def read(*scalars: Array) -> list[float]:
    """Bring 0-d arrays to the host in one transfer: one wait, however many they are.

    In float64 where the device has it: float32 counts to 2²⁴.
    """
    if len(scalars) == 1 or isinstance(scalars[0], np.generic):
        return [float(s if isinstance(s, np.generic) else to_host(s)) for s in scalars]
    xp, kind = array_namespace(scalars[0]), float64_of(scalars[0])
    kind = scalars[0].dtype if kind is None else kind
    return [float(v) for v in to_host(xp.stack([xp.astype(s, kind, copy=False) for s in scalars]))]


def scatter(index: Array, values: Array, keep: Array, k: int) -> Array:
    """Return the dense (n, k) array with values[i, s] in column index[i, s] wherever keep[i, s].

    A slot that is not kept may repeat the index of one that is: it is sent to a spare column.
    """
    xp = array_namespace(values)
    spare = xp.where(keep, index, xp.full_like(index, k))
    dense = backend_of(xp).scatter(xp, spare, values, k + 1, device(values))
    return dense[:, :k]


def batched_solve(A: Array, b: Array) -> Array:
    """Solve A[i] y[i] = b[i] for positive definite A (n, m, m); b is (n, m) or (n, m, p)."""
    xp = array_namespace(A)
    if b.ndim == 2:
        return backend_of(xp).solve(xp, A, b[:, :, None])[:, :, 0]
    return backend_of(xp).solve(xp, A, b)


def take(x: Array, rows: Array) -> Array:
    """Return the rows of x, in the order of `rows`, which are not negative."""
    xp = array_namespace(x)
    return backend_of(xp).take(xp, x, rows)


def pick(x: Array, index: Array) -> Array:
    """Return the entries index (n, m), which are not negative, of each row of x (n, k)."""
    xp = array_namespace(x)
    return backend_of(xp).pick(xp, x, index)


def sign(x: Array) -> Array:
    """Return -1, 0 or 1; three launches where a portable `sign` can take more."""
    xp = array_namespace(x)
    return xp.astype(x > 0, x.dtype) - xp.astype(x < 0, x.dtype)


def divisor(x: Array, usable: Array | None = None) -> Array:
    """Return x where it is usable, above 0 unless said otherwise, and 1 elsewhere: to divide by."""
    xp = array_namespace(x)
    return xp.where(x > 0 if usable is None else usable, x, xp.ones_like(x))


def bytes_each(x: Array) -> int:
    """Return the bytes of a number of x."""
    return int(array_namespace(x).finfo(x.dtype).bits) // 8


def draws(random_state: Any) -> Any:
    """Return the host's random generator: the same seed gives the same numbers on every backend.

    The standard has no random numbers, so they are drawn by NumPy and moved. An int or None makes
    a `numpy.random.RandomState`, the generator of scikit-learn; a RandomState or a Generator is
    used as it is.
    """
    if isinstance(random_state, np.random.RandomState | np.random.Generator):
        return random_state
    return np.random.RandomState(random_state)
