"""The memory of a device, as each library tells of it: what is free, and that it was not enough.

None of these waits for the device.
"""

from __future__ import annotations

from typing import Any

Array = Any

TORCH_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


def torch_free(x: Array) -> int | None:
    """Return what the driver has free, and what the allocator holds and does not use."""
    import torch

    there: Any = getattr(torch, x.device.type, None)  # torch.cuda, torch.xpu
    if not hasattr(there, "mem_get_info"):
        return None
    free, _ = there.mem_get_info(x.device)
    held: int = there.memory_reserved(x.device) - there.memory_allocated(x.device)
    return int(free) + held


def torch_give_back(x: Array) -> None:
    """Give the allocator's unused blocks back to the driver."""
    import torch

    there: Any = getattr(torch, x.device.type, None)
    if hasattr(there, "empty_cache") and there.is_available():
        there.empty_cache()


def torch_exhausted(error: BaseException) -> bool:
    """Whether it is the allocator's error, the host's, or that of a library of the device."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(w in str(error) for w in TORCH_WORDS)


def cupy_free(x: Array) -> int | None:
    """Return what the driver has free, and what the default pool holds and does not use."""
    import cupy

    with x.device:
        free, _ = cupy.cuda.runtime.memGetInfo()
        return int(free) + int(cupy.get_default_memory_pool().free_bytes())


def cupy_give_back(x: Array) -> None:
    """Give the unused blocks of the default pool back to the driver."""
    import cupy

    with x.device:
        cupy.get_default_memory_pool().free_all_blocks()


def jax_free(x: Array) -> int | None:
    """Return what is left of the pool that JAX took of the device, where the device says."""
    (where, *_) = x.devices()
    stats = where.memory_stats() or {}
    if "bytes_limit" not in stats:
        return None
    return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))


def jax_exhausted(error: BaseException) -> bool:
    """Whether XLA says that a resource is exhausted; it may say so as late as at a wait."""
    return isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


def dpnp_free(x: Array) -> int | None:
    """Return what the driver has free where it says, else all that the device has."""
    from dpctl.utils import intel_device_info

    free = intel_device_info(x.sycl_device).get("free_memory")
    return int(x.sycl_device.global_mem_size if free is None else free)


def dpnp_exhausted(error: BaseException) -> bool:
    """Whether an allocation failed, or a kernel for want of memory."""
    from dpctl.memory import USMAllocationError

    words = ("OUT_OF_RESOURCES", "OUT_OF_DEVICE_MEMORY", "OUT_OF_HOST_MEMORY")
    return isinstance(error, USMAllocationError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
