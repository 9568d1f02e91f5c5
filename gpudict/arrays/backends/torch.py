"""PyTorch: tensors of the host, which are NumPy's in place, and of CUDA, ROCm and other devices."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np

from gpudict.arrays.backends import _cuda, _torch_devices
from gpudict.arrays.backends._contract import (
    ALIGNED,
    EXHAUSTED,
    Array,
    Backend,
    Csr,
    Launcher,
    Mover,
    Namespace,
    assign,
)
from gpudict.arrays.settings import Setting, Undo

OUT_OF_MEMORY = (*EXHAUSTED, "can't allocate memory", "not enough memory")


def mover(device: str | None) -> Mover:
    """Return what moves NumPy arrays to a device."""
    import torch

    return lambda a: torch.asarray(a, device=device)


def obstacle(x: Array) -> str | None:
    """Return what keeps the values of a tensor that is not dense, or has none, or is traced."""
    import torch

    if torch._C._functorch.is_functorch_wrapped_tensor(x):
        return (
            "inside a transform of torch.func (vmap, grad), and gpudict reads values as it goes. "
            "Call it outside of the transform."
        )
    if x.is_nested:
        return (
            "a nested tensor, and a dense one is needed. Stack rows of one length with torch.cat."
        )
    if x.layout is not torch.strided:
        return (
            f"a tensor of the layout {x.layout}, and a dense one is needed. Convert it with "
            "{name}.to_dense(), if it fits the memory."
        )
    if x.is_quantized:
        return "a quantized tensor, and one of floats is needed. Pass {name}.dequantize()."
    if x.device.type == "meta":
        return "on the device meta, so it has no values. Make it on a device that has memory."
    return None


def detach(x: Array) -> Array:
    """Return the tensor outside its graph, with the sign written into it that a view only notes."""
    return x.detach().resolve_neg() if x.is_neg() else x.detach()


def from_host(a: np.ndarray, like: Array) -> Array:
    """Return the tensor of the host that shares the array's memory."""
    import torch

    return torch.from_numpy(a)


def solve(xp: Namespace, A: Array, B: Array) -> Array:
    """Solve; unlike `torch.linalg.solve` it does not wait to check for errors."""
    import torch

    return torch.linalg.solve_ex(A, B)[0]


def csr(values: Array, columns: Array, ends: Array, shape: tuple[int, int]) -> Any:
    """Return the sparse tensor."""
    import torch

    parts = (ends, columns.to(torch.int64), values)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(*parts, size=shape, check_invariants=False)


def csr_parts(Z: Array) -> tuple[Array, Array, Array]:
    """Return the ends of the rows, and columns and values of the non-zeros."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        sparse = Z.to_sparse_csr()
    return sparse.crow_indices(), sparse.col_indices(), sparse.values()


def csr_reader(Z: Array) -> Callable[[int, int], Array] | None:
    """Return what reads rows of a sparse tensor, which PyTorch does not slice."""
    import torch

    if not isinstance(Z, torch.Tensor) or Z.layout is torch.strided:
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        whole = Z.detach().to_sparse_csr()
    ends, columns, values = whole.crow_indices(), whole.col_indices(), whole.values()

    def rows(low: int, high: int) -> Array:
        first, last = ends[[low, high]].tolist()
        part = ends[low : high + 1] - first
        shape = (high - low, Z.shape[1])
        return csr(values[first:last], columns[first:last], part, shape).to_dense()

    return rows


def launcher(like: Array) -> Launcher | None:
    """Return what launches kernels on the device and current stream of a CUDA tensor."""
    import torch

    if like.device.type != "cuda" or torch.version.cuda is None or not _cuda.installed():
        return None
    return functools.partial(_launch, like.device)


def _launch(
    device: Any, code: str, name: str, options: Any, shape: Any, arguments: Sequence[Any]
) -> None:
    import torch

    kept = [_in_place(a) if isinstance(a, torch.Tensor) else a for a in arguments]
    given = [a.data_ptr() if isinstance(a, torch.Tensor) else a for a in kept]
    stream = torch.cuda.current_stream(device).cuda_stream
    _cuda.launch(device.index, stream, code, name, options, shape, given)


def _in_place(x: Array) -> Array:
    """Return a tensor as the kernels read it: rows contiguous, aligned; itself if it is so."""
    x = x.contiguous()
    return x if x.data_ptr() % ALIGNED == 0 or x.numel() < 2 else x.clone()


def free_memory(x: Array) -> int | None:
    """Return what the driver has free, and what the allocator holds and does not use."""
    import torch

    there: Any = getattr(torch, x.device.type, None)  # torch.cuda, torch.xpu
    if not hasattr(there, "mem_get_info"):
        return None
    free, _ = there.mem_get_info(x.device)
    held: int = there.memory_reserved(x.device) - there.memory_allocated(x.device)
    return int(free) + held


def give_back(x: Array) -> None:
    """Give the allocator's unused blocks back to the driver."""
    import torch

    there: Any = getattr(torch, x.device.type, None)
    if hasattr(there, "empty_cache") and there.is_available():
        there.empty_cache()


def exhausted(error: BaseException) -> bool:
    """Whether it is the allocator's error, the host's, or that of a library of the device."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(w in str(error) for w in OUT_OF_MEMORY)


def _exact(undo: list[Undo]) -> None:
    """Turn off what rounds the factors of a float32 product; leave what does not alone."""
    import torch

    for part in (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
        before = getattr(part, "fp32_precision", "ieee")
        if before not in ("ieee", "none"):
            undo.append(functools.partial(_restore, part, before))
            part.fp32_precision = "ieee"
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):  # before PyTorch 2.9
        known = torch.get_float32_matmul_precision()
        undo.append(lambda: torch.set_float32_matmul_precision(known))
        torch.set_float32_matmul_precision("highest")


def _restore(part: Any, before: str) -> None:
    """Set a precision back; one that came from a setting above it still follows that."""
    part.fp32_precision = "none"
    if part.fp32_precision != before:
        part.fp32_precision = before


exactly = Setting(_exact)


def precise(x: Array) -> AbstractContextManager[Any]:
    """Return the context without TF32, bfloat16 products and autocast; the last is a thread's."""
    import torch

    stack, kind = ExitStack(), x.device.type
    stack.enter_context(exactly())
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        stack.enter_context(torch.autocast(kind, enabled=False))
    return stack


BACKEND = Backend(
    name="torch",
    requires="torch",
    install="python -m pip install torch",
    mover=mover,
    to_host=lambda x: x.cpu().numpy(),
    from_host=from_host,
    on_host=lambda x: x.device.type == "cpu",
    obstacle=obstacle,
    cast="{name}.to(torch.{dtype})",
    detach=detach,
    launch_bound=lambda x: x.device.type != "cpu",
    scatter=assign,
    solve=solve,
    take=lambda xp, x, rows: x.index_select(0, rows),  # one launch; the standard's takes four
    pick=lambda xp, x, index: x.gather(1, index),
    peak=lambda xp, x, axis: xp.linalg.vector_norm(x, ord=float("inf"), axis=axis),
    csr=Csr(csr, csr_parts, csr_reader),
    sites=_torch_devices.sites,
    moved=lambda x, device: x.to(device),
    lane=_torch_devices.lane,
    launcher=launcher,
    devices=_torch_devices.devices,
    free_memory=free_memory,
    give_back=give_back,
    exhausted=exhausted,
    precise=precise,
)
