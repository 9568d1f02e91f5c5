"""dpnp: arrays of SYCL devices, the host's processor among them."""

from __future__ import annotations

import numpy as np

from gpudict.arrays.backends._contract import (
    Array,
    Backend,
    Device,
    Devices,
    Mover,
    Site,
    assign,
    moves,
)

OUT_OF_MEMORY = ("OUT_OF_RESOURCES", "OUT_OF_DEVICE_MEMORY", "OUT_OF_HOST_MEMORY")


def mover(device: str | None) -> Mover:
    """Return what moves NumPy arrays to a device, named by its filter string."""
    import dpnp

    return moves(dpnp, device)


def from_host(a: np.ndarray, like: Array) -> Array:
    """Return the array on the queue of `like`."""
    import dpnp

    return dpnp.asarray(a, sycl_queue=like.sycl_queue)


def devices() -> Devices:
    """Return every SYCL device, by its filter string."""
    import dpctl
    import dpnp  # noqa: F401  # what is asked for is whether it can be used

    seen = tuple(
        Device(d.filter_string, d.name, (None, d.global_mem_size)) for d in dpctl.get_devices()
    )
    return Devices(
        seen, "" if seen else "no device: no SYCL driver (OpenCL or Level Zero) offers one"
    )


def sites(x: Array) -> tuple[Site, ...]:
    """Return every SYCL device; alike are those of one driver and type."""
    import dpctl

    here = x.sycl_device
    kind = here.backend, here.device_type
    return tuple(
        Site(d, (d.filter_string,), (d.backend, d.device_type) == kind) for d in dpctl.get_devices()
    )


def free_memory(x: Array) -> int | None:
    """Return what the driver has free where it says, else all that the device has."""
    from dpctl.utils import intel_device_info

    free = intel_device_info(x.sycl_device).get("free_memory")
    return int(x.sycl_device.global_mem_size if free is None else free)


def exhausted(error: BaseException) -> bool:
    """Whether an allocation failed, or a kernel for want of memory."""
    from dpctl.memory import USMAllocationError

    return isinstance(error, USMAllocationError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in OUT_OF_MEMORY)
    )


BACKEND = Backend(
    name="dpnp",
    requires="dpnp",
    install="python -m pip install dpnp",
    mover=mover,
    to_host=lambda x: x.asnumpy(),
    from_host=from_host,
    on_host=lambda x: x.sycl_device.is_cpu,
    launch_bound=lambda x: x.sycl_device.is_gpu,
    scatter=assign,
    sites=sites,
    devices=devices,
    free_memory=free_memory,
    exhausted=exhausted,
)
