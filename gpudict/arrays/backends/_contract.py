"""What an array library does in its own way, and how it is done where there is no better one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

Array = Any
Namespace = Any
Launcher = Callable[[str, str, tuple[str, ...], tuple[int, int, int], Sequence[Any]], None]
Mover = Callable[[np.ndarray], Array]
ALIGNED = 16  # bytes: kernels load so many at once
EXHAUSTED = ("ALLOC_FAILED", "OUT_OF_MEMORY", "out of memory")  # in errors of CUDA's libraries


class Device(NamedTuple):
    """One device, by the name that its library gives it.

    Attributes
    ----------
    name : such as 'cpu' or 'cuda:0'
    about : what it is, for people; empty where its library does not say
    memory : (free, total) in bytes, or None where it can't be asked; free is None where only the
        total is known
    """

    name: str
    about: str = ""
    memory: tuple[int | None, int] | None = None


class Devices(NamedTuple):
    """The devices that a library sees, and why it sees none, or no GPU; empty when there is one."""

    seen: tuple[Device, ...]
    lacks: str = ""


class Site(NamedTuple):
    """One device that rows can be sent to.

    Attributes
    ----------
    device : the library's own object, as its arrays say it
    words : what else users call it by
    alike : whether it is of the kind of the device that was asked about
    """

    device: Any
    words: tuple[Any, ...]
    alike: bool


def sliced(Z: Any) -> Callable[[int, int], Array] | None:
    """Return the reader of SciPy's sparse matrices, or CuPy's."""
    if not hasattr(Z, "tocsr"):
        return None
    rows = Z.tocsr()
    return lambda low, high: rows[low:high].toarray()


class Csr(NamedTuple):
    """A library's sparse matrices in compressed rows.

    Attributes
    ----------
    make : (values, columns, row ends, shape) -> the library's matrix
    parts : dense (n, k) -> the ends of its rows, and columns and values of its non-zeros
    reader : sparse (n, k) -> (low, high) -> these rows, dense; None for what is not sparse
    """

    make: Callable[[Array, Array, Array, tuple[int, int]], Any]
    parts: Callable[[Array], tuple[Array, Array, Array]]
    reader: Callable[[Any], Callable[[int, int], Array] | None] = sliced


def assign(xp: Namespace, index: Array, values: Array, k: int, device: Any) -> Array:
    """Scatter by writing into places that are indexed: where a library lets arrays be written."""
    rows = xp.arange(index.shape[0], device=device)[:, None]
    out = xp.zeros((index.shape[0], k), dtype=values.dtype, device=device)
    out[rows, index] = values
    return out


def select(xp: Namespace, index: Array, values: Array, k: int, device: Any) -> Array:
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


def solve(xp: Namespace, A: Array, B: Array) -> Array:
    """Solve with the library's own solver, which may refuse all systems for a singular one."""
    try:
        if hasattr(xp, "linalg"):
            return xp.linalg.solve(A, B)
    except (ValueError, RuntimeError):  # NumPy's LinAlgError is the one, oneMKL's the other
        pass
    with np.errstate(all="ignore"):  # a singular system becomes inf or nan, and the others stay
        return gauss_jordan(xp, A, B)


def in_halves(xp: Namespace, A: Array, B: Array, most: int) -> Array:
    """Solve with the library's own solver, for positive definite A, of at most `most` rows each.

    [P Q; R S] [Y; Z] = [C; D] by the Schur complement, S − R P⁻¹ Q, which is positive definite too:
    no row has to change places with one of the other half.
    """
    m = A.shape[-1]
    if m <= most:
        return solve(xp, A, B)
    h = m // 2
    right = xp.concat([A[:, :h, h:], B[:, :h, :]], axis=-1)
    solved = in_halves(xp, A[:, :h, :h], right, most)
    rest = xp.concat([A[:, h:, h:], B[:, h:, :]], axis=-1) - A[:, h:, :h] @ solved
    Z = in_halves(xp, rest[:, :, : m - h], rest[:, :, m - h :], most)
    return xp.concat([solved[:, :, m - h :] - solved[:, :, : m - h] @ Z, Z], axis=1)


def peak(xp: Namespace, x: Array, axis: int | None) -> Array:
    """Return the largest absolute value by the two ends."""
    return xp.maximum(xp.max(x, axis=axis), -xp.min(x, axis=axis))


def unflagged(x: Array) -> AbstractContextManager[Any]:
    """Let NumPy, and what is built on it, say nothing of the flags of floating point.

    Some BLAS raise them for lanes that they don't use, on finite factors (numpy/numpy#29820), and
    what is no number is seen in the result.
    """
    return np.errstate(all="ignore")


def sites(x: Array) -> tuple[Site, ...]:
    """Return the devices of a library by the standard's words; alike are those with x's dtype."""
    kinds = x.__array_namespace__().__array_namespace_info__()
    return tuple(Site(d, (), x.dtype in kinds.dtypes(device=d).values()) for d in kinds.devices())


class Backend(NamedTuple):
    """What one array library does in its own way.

    Attributes
    ----------
    name : the component of its namespace's dotted name, and what `--backend` takes
    requires : the module whose absence means that the library is not installed
    install : the command that installs it
    to_host : array -> numpy.ndarray; waits for the device
    from_host : (NumPy array of the host, array) -> its numbers where that array is; in place where
        the library can, so the first is not written again
    on_host : whether this array's memory is the host's, so that NumPy reads it at little cost
    obstacle : array -> why its values can't be read as a dense array's and what to do, the end of
        the sentence "X is …" in which {name} stands for X; None
    cast : how a user casts {name} to {dtype}
    detach : array -> the same array outside any autograd graph, of the library's own type
    launch_bound : whether starting an operation on this array's device costs more than small work
    threaded : whether one operation already uses all cores (or is not the host's work at all)
    compiles : whether each new shape of an operation is compiled anew
    traced : function -> the same, compiled as a whole for each shape where operations are: what it
        takes by keyword alone is not traced
    scatter : (xp, index (n, m), values (n, m), k, device) -> dense (n, k)
    solve : (xp, A (n, m, m), B (n, m, p)) -> (n, m, p), without a wait where there is such a way
    take : (xp, x (n, …), rows) -> the rows of x, by indices that are not negative
    pick : (xp, x (n, k), index (n, m)) -> these entries of each row, likewise
    sorting : bytes that `argsort` of an array (n, k) takes for each entry, beside a copy of it
    peak : (xp, x, axis) -> the largest |x|, NaN if there is one, and nothing of the size of x made
    csr : its sparse matrices, None if it has none
    launcher : array -> what starts a kernel in CUDA C on its device, or None; a launcher takes the
        source, the name of its entry, the compiler's options, (blocks, threads of a block, bytes of
        shared memory), and the arguments, arrays and NumPy numbers of the width that the kernel
        declares, and waits for nothing
    devices : () -> the devices that it can compute on here; None for a library that has none of its
        own, made to test others
    mover : a device's name or None -> what moves NumPy arrays there
    sites : array -> the devices that its rows can be spread over; none for a library of the host
    moved : (array, another device) -> the array there; in order with what the streams of both
        devices, those that are current in this thread, have been given
    lane : array -> the context for another thread to work where it is, in order with this one
    free_memory : array -> bytes that are free on its device; None where it cannot be asked
    give_back : return the cached memory of this array's device to whoever else wants it
    exhausted : whether an error, not a MemoryError, says that memory was not enough
    precise : array -> the context in which products keep the precision of their factors
    home : array -> the context in which its device is the current one, where that matters
    """

    name: str
    requires: str
    install: str
    mover: Callable[[str | None], Mover]
    to_host: Callable[[Array], np.ndarray] = np.from_dlpack
    from_host: Callable[[np.ndarray, Array], Array] = lambda a, like: a
    on_host: Callable[[Array], bool] = lambda x: False
    obstacle: Callable[[Array], str | None] = lambda x: None
    cast: str = "{name}.astype('{dtype}')"
    detach: Callable[[Array], Array] = lambda x: x
    launch_bound: Callable[[Array], bool] = lambda x: False
    threaded: bool = True
    compiles: bool = False
    traced: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function
    scatter: Callable[[Namespace, Array, Array, int, Any], Array] = select
    solve: Callable[[Namespace, Array, Array], Array] = solve
    take: Callable[[Namespace, Array, Array], Array] = lambda xp, x, rows: xp.take(x, rows, axis=0)
    pick: Callable[[Namespace, Array, Array], Array] = lambda xp, x, index: xp.take_along_axis(
        x, index, axis=1
    )
    sorting: int = 8
    peak: Callable[[Namespace, Array, int | None], Array] = peak
    csr: Csr | None = None
    sites: Callable[[Array], tuple[Site, ...]] = sites
    moved: Callable[[Array, Any], Array] = lambda x, device: x.to_device(device)
    lane: Callable[[Array], AbstractContextManager[Any]] = lambda x: nullcontext()
    launcher: Callable[[Array], Launcher | None] = lambda x: None
    devices: Callable[[], Devices] | None = None
    free_memory: Callable[[Array], int | None] = lambda x: None
    give_back: Callable[[Array], None] = lambda x: None
    exhausted: Callable[[BaseException], bool] = lambda error: False
    precise: Callable[[Array], AbstractContextManager[Any]] = unflagged
    home: Callable[[Array], AbstractContextManager[Any]] = lambda x: nullcontext()


def moves(xp: Namespace, device: Any = None) -> Mover:
    """Return what moves NumPy arrays to a device by the standard's own words."""
    return lambda a: xp.asarray(a) if device is None else xp.asarray(a, device=device)


STANDARD = Backend("standard", "", "", lambda device: moves(np))
