"""The devices that PyTorch sees: for the doctor, and to spread rows over."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from gpudict.arrays.backends._contract import Array, Device, Devices, Site


def devices() -> Devices:
    """Return the host and every CUDA (or ROCm) device."""
    import torch

    host = Device("cpu", f"{torch.get_num_threads()} threads")
    built = torch.version.cuda or torch.version.hip
    if not built:
        return Devices((host,), f"no GPU: this build, {torch.__version__}, is for the CPU alone")
    with warnings.catch_warnings(record=True) as said:  # PyTorch warns of what keeps it from a GPU
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        why = str(said[-1].message).splitlines()[0] if said else "no device is visible"
        return Devices((host,), f"no GPU: built for CUDA or ROCm {built}, {why}")
    return Devices((host, *(_gpu(torch, i) for i in range(count))))


def _gpu(torch: Any, i: int) -> Device:
    free, total = torch.cuda.mem_get_info(i)
    return Device(f"cuda:{i}", torch.cuda.get_device_name(i), (free, total))


def sites(x: Array) -> tuple[Site, ...]:
    """Return the host, and every device of an accelerator, whatever kind it is."""
    import torch

    found = [torch.device("cpu")]
    for kind in ("cuda", "xpu", "mps"):
        count = getattr(torch, kind).device_count() if hasattr(torch, kind) else 0
        found += [torch.device(kind, i) for i in range(count)]
    return tuple(Site(d, (str(d),), d.type == x.device.type) for d in found)


def lane(x: Array) -> AbstractContextManager[Any]:
    """Return the context with the stream, and so the device, that is current in this thread."""
    import torch

    there: Any = getattr(torch, x.device.type, None)
    if x.device.type == "cpu" or not hasattr(there, "current_stream"):
        return nullcontext()
    context: AbstractContextManager[Any] = there.stream(there.current_stream(x.device))
    return context
