"""Which devices each library can compute on here, and in its own words why it has no more.

The names are those that `moving.load` takes. Memory is asked of the driver, so nothing is allocated
by looking. Functions here may raise whatever their library raises: `doctor` reports it.
"""

from __future__ import annotations

import os
import platform
import warnings
from typing import Any, NamedTuple


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


def numpy_devices() -> Devices:
    """Return the host."""
    return Devices((Device("cpu", platform.machine()),))


def torch_devices() -> Devices:
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
    return Devices((host, *(_torch_gpu(torch, i) for i in range(count))))


def _torch_gpu(torch: Any, i: int) -> Device:
    free, total = torch.cuda.mem_get_info(i)
    return Device(f"cuda:{i}", torch.cuda.get_device_name(i), (free, total))


def cupy_devices() -> Devices:
    """Return every CUDA device; CuPy has no arrays on the host."""
    import cupy

    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        driver = runtime.driverGetVersion()  # 0 without one, which CuPy calls a driver too old
        why = str(error) if driver else "there is no GPU driver on this machine"
        return Devices((), f"no device: {why}")
    return Devices(tuple(_cupy_gpu(cupy, i) for i in range(count)), "" if count else "no device")


def _cupy_gpu(cupy: Any, i: int) -> Device:
    about = cupy.cuda.runtime.getDeviceProperties(i)["name"].decode()
    free, total = cupy.cuda.Device(i).mem_info
    return Device(f"cuda:{i}", about, (free, total))


def jax_devices() -> Devices:
    """Return the devices of JAX's default platform, and the host."""
    # or the first array takes most of the GPU's memory, and other libraries find none
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    default = jax.devices()
    others = [] if default[0].platform == "cpu" else jax.devices("cpu")
    seen = [_jax_device(d, i) for found in (others, default) for i, d in enumerate(found)]
    return Devices(tuple(seen), "" if others else "no GPU: JAX's default platform is the CPU")


def _jax_device(device: Any, i: int) -> Device:
    memory = device.memory_stats() or {}
    total, used = memory.get("bytes_limit"), memory.get("bytes_in_use", 0)
    return Device(
        f"{device.platform}:{i}",
        device.device_kind,
        None if total is None else (total - used, total),
    )


def dpnp_devices() -> Devices:
    """Return every SYCL device, by its filter string."""
    import dpctl
    import dpnp  # noqa: F401  # what is asked for is whether it can be used

    seen = tuple(
        Device(d.filter_string, d.name, (None, d.global_mem_size)) for d in dpctl.get_devices()
    )
    return Devices(
        seen, "" if seen else "no device: no SYCL driver (OpenCL or Level Zero) offers one"
    )
