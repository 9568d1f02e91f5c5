"""JAX: arrays that are never written, and operations that are compiled for each shape.

On the host NumPy reads them in place, so there the compiled solvers do the work.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from gpudict.arrays.backends._contract import (
    Array,
    Backend,
    Device,
    Devices,
    Mover,
    Namespace,
    Site,
)

_NO_GPU = "no GPU: JAX's default platform is the CPU"


def mover(device: str | None) -> Mover:
    """Return what moves NumPy arrays to a device."""
    import jax

    platform, _, index = (device or "").partition(":")
    where = jax.devices(platform)[int(index or 0)] if platform else None
    return lambda a: jax.device_put(a, where)


def obstacle(x: Array) -> str | None:
    """Return what keeps the values of an array that is traced, or was given away."""
    import jax

    if isinstance(x, jax.core.Tracer):
        return (
            "traced by JAX (jit, vmap, grad), and gpudict reads values as it goes. Call it outside "
            "of the transform, or in jax.pure_callback."
        )
    if x.is_deleted():
        return "an array that was deleted or donated to a function. Pass a copy made before that."
    return None


def launch_bound(x: Array) -> bool:
    """Whether it is on a device that is not the host."""
    return any(d.platform != "cpu" for d in x.devices())


def on_host(x: Array) -> bool:
    """Whether it is whole on one device, and that is the host."""
    return len(x.devices()) == 1 and not launch_bound(x)


def from_host(a: np.ndarray, like: Array) -> Array:
    """Return the array on the device of `like`; in float32 where JAX has no float64."""
    import jax

    (where,) = like.devices()
    return jax.device_put(a, where)


@functools.cache
def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function under `jax.jit`."""
    import jax

    parameters = inspect.signature(function).parameters.values()
    static = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    compiled: Callable[..., Any] = jax.jit(function, static_argnames=static)
    return compiled


def scatter(xp: Namespace, index: Array, values: Array, k: int, device: Any) -> Array:
    """Scatter without writing."""
    rows = xp.arange(index.shape[0])[:, None]
    return xp.zeros((index.shape[0], k), dtype=values.dtype).at[rows, index].set(values)


def devices() -> Devices:
    """Return the devices of JAX's default platform, and the host."""
    # or the first array takes most of the GPU's memory, and other libraries find none
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    seen = [_device(d, i) for found in _seen() for i, d in enumerate(found)]
    return Devices(tuple(seen), "" if len(_seen()) > 1 else _NO_GPU)


def _seen() -> tuple[list[Any], ...]:
    """Return the devices of the host, and of JAX's default platform if it is another."""
    import jax

    default = jax.devices()
    return (default,) if default[0].platform == "cpu" else (jax.devices("cpu"), default)


def sites(x: Array) -> tuple[Site, ...]:
    """Return the devices by the names that `devices` gives them."""
    (here, *_) = x.devices()
    return tuple(
        Site(d, (f"{d.platform}:{i}",), d.platform == here.platform)
        for found in _seen()
        for i, d in enumerate(found)
    )


def _device(device: Any, i: int) -> Device:
    memory = device.memory_stats() or {}
    total, used = memory.get("bytes_limit"), memory.get("bytes_in_use", 0)
    return Device(
        f"{device.platform}:{i}",
        device.device_kind,
        None if total is None else (total - used, total),
    )


def free_memory(x: Array) -> int | None:
    """Return what is left of the pool that JAX took of the device, where the device says."""
    (where, *_) = x.devices()
    stats = where.memory_stats() or {}
    if "bytes_limit" not in stats:
        return None
    return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))


def exhausted(error: BaseException) -> bool:
    """Whether XLA says that a resource is exhausted; it may say so as late as at a wait."""
    return isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


def precise(x: Array) -> AbstractContextManager[Any]:
    """Return the context of JAX's own for products of full precision, which is a thread's."""
    import jax

    context: AbstractContextManager[Any] = jax.default_matmul_precision("highest")
    return context


BACKEND = Backend(
    name="jax",
    requires="jax",
    install="python -m pip install jax",
    mover=mover,
    obstacle=obstacle,
    to_host=np.asarray,
    from_host=from_host,
    on_host=on_host,
    launch_bound=launch_bound,
    compiles=True,
    traced=traced,
    scatter=scatter,
    sites=sites,
    devices=devices,
    free_memory=free_memory,
    exhausted=exhausted,
    precise=precise,
)
