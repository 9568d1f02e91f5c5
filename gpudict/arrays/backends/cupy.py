"""CuPy: arrays of CUDA devices. It has none on the host."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from gpudict.arrays.backends._contract import (
    ALIGNED,
    EXHAUSTED,
    Array,
    Backend,
    Csr,
    Device,
    Devices,
    Launcher,
    Mover,
    Namespace,
    Site,
    assign,
    in_halves,
)
from gpudict.arrays.settings import Setting, Undo

BATCHED = 256  # rows of a system that cuBLAS solves with others at once: CuPy's limit, unless set


def mover(device: str | None) -> Mover:
    """Return what moves NumPy arrays to a device, the first by default."""
    import cupy

    where = cupy.cuda.Device(int((device or "cuda:0").rpartition(":")[2]))

    def move(a: np.ndarray) -> Array:
        with where:
            return cupy.asarray(a)

    return move


def solve(xp: Namespace, A: Array, B: Array) -> Array:
    """Solve; in parts that CuPy solves as a batch: what is larger it solves one by one."""
    return in_halves(xp, A, B, BATCHED if A.shape[0] > 1 else A.shape[-1])


def csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the matrix of CuPy."""
    from cupyx.scipy.sparse import csr_matrix

    return csr_matrix((values, columns, ends), shape=shape)


def csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return the ends of the rows, and columns and values of the non-zeros."""
    from cupyx.scipy.sparse import csr_matrix

    sparse = csr_matrix(Z)
    return sparse.indptr, sparse.indices, sparse.data


def launcher(like: Array) -> Launcher | None:
    """Return what launches kernels on the array's device; None if it is no CUDA device."""
    import cupy

    return None if cupy.cuda.runtime.is_hip else functools.partial(_launch, like.device)


def _launch(
    device: Any, code: str, name: str, options: Any, shape: Any, arguments: Sequence[Any]
) -> None:
    blocks, threads, shared = shape
    with device:
        kernel = _kernel(code, name, options, device.id)
        kernel((blocks,), (threads,), tuple(map(_in_place, arguments)), shared_mem=shared)


@functools.cache
def _kernel(code: str, name: str, options: tuple[str, ...], device: int) -> Any:
    """Return a kernel for a device; CuPy keeps what it compiled on disk."""
    import cupy

    return cupy.RawModule(code=code, options=options).get_function(name)


def _in_place(x: Any) -> Any:
    """Return an array as the kernels read it: rows contiguous, aligned; itself if it is so."""
    import cupy

    if not isinstance(x, cupy.ndarray):
        return x
    x = cupy.ascontiguousarray(x)
    return x if x.data.ptr % ALIGNED == 0 or x.size < 2 else x.copy()


def devices() -> Devices:
    """Return every CUDA device."""
    import cupy

    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        driver = runtime.driverGetVersion()  # 0 without one, which CuPy calls a driver too old
        why = str(error) if driver else "there is no GPU driver on this machine"
        return Devices((), f"no device: {why}")
    return Devices(tuple(_gpu(cupy, i) for i in range(count)), "" if count else "no device")


def _gpu(cupy: Any, i: int) -> Device:
    about = cupy.cuda.runtime.getDeviceProperties(i)["name"].decode()
    free, total = cupy.cuda.Device(i).mem_info
    return Device(f"cuda:{i}", about, (free, total))


def sites(x: Array) -> tuple[Site, ...]:
    """Return every CUDA device, which is known by its number too."""
    from cupy.cuda import Device, runtime

    return tuple(Site(Device(i), (i, f"cuda:{i}"), True) for i in range(runtime.getDeviceCount()))


def moved(x: Array, device: Any) -> Array:
    """Copy to a device after what made x, and let what comes after on its own device wait."""
    import cupy

    current = cupy.cuda.get_current_stream
    with x.device:
        x = cupy.ascontiguousarray(x)
        made = current().record()
    with device:
        current().wait_event(made)
        there = x.copy()
        copied = current().record()
    with x.device:
        current().wait_event(copied)
    return there


def lane(x: Array) -> AbstractContextManager[Any]:
    """Return the context with the device, and the stream that is current there in this thread."""
    import cupy

    with x.device:
        stream = cupy.cuda.get_current_stream()
        return _lane(x.device, stream, stream.record())


@contextmanager
def _lane(device: Any, stream: Any, given: Any) -> Iterator[None]:
    with device, stream:
        stream.wait_event(given)  # a thread may have a default stream of its own
        yield
        stream.synchronize()


def free_memory(x: Array) -> int | None:
    """Return what the driver has free, and what the default pool holds and does not use."""
    import cupy

    with x.device:
        free, _ = cupy.cuda.runtime.memGetInfo()
        return int(free) + int(cupy.get_default_memory_pool().free_bytes())


def give_back(x: Array) -> None:
    """Give the unused blocks of the default pool back to the driver."""
    import cupy

    with x.device:
        cupy.get_default_memory_pool().free_all_blocks()


def exhausted(error: BaseException) -> bool:
    """Whether it is a library's error, or the driver's: the allocator's own is a MemoryError."""
    return isinstance(error, RuntimeError) and any(word in str(error) for word in EXHAUSTED)


def _exact(undo: list[Undo]) -> None:
    from cupy._core import _routines_linalg as linalg

    single = np.dtype(np.float32)
    before = linalg.get_compute_type(single)
    if before == linalg.COMPUTE_TYPE_TF32:
        undo.append(lambda: linalg.set_compute_type(single, before))
        linalg.set_compute_type(single, linalg.COMPUTE_TYPE_FP32)


exactly = Setting(_exact)


def precise(x: Array) -> AbstractContextManager[Any]:
    """Return the context without CUPY_TF32."""
    return exactly()


BACKEND = Backend(
    name="cupy",
    requires="cupy",
    install="python -m pip install 'cupy-cuda12x[ctk]' (or cupy-cuda13x)",
    mover=mover,
    to_host=lambda x: x.get(),
    launch_bound=lambda x: True,
    scatter=assign,
    solve=solve,
    sorting=16 + 24,  # index and row; and (row, value) and index again, where they are merged
    csr=Csr(csr, csr_parts),
    sites=sites,
    moved=moved,
    lane=lane,
    launcher=launcher,
    devices=devices,
    free_memory=free_memory,
    give_back=give_back,
    exhausted=exhausted,
    precise=precise,
    home=lambda x: x.device,
)
