"""The rows of the test matrix: each array library on a device, in a temper.

The hostile members are the point: read-only NumPy inputs, a device that is not the default, and the
strictest reading of the standard, with no extensions, no boolean masks, no shapes that depend on
data. What libraries read from the environment as they are imported is set here, before all else.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# the OpenCL device of dpnp that is a CPU, from intel-opencl-rt; read when dpctl is imported
if (_opencl := Path(sys.prefix, "lib", "libintelocl.so")).exists():
    os.environ.setdefault("OCL_ICD_FILENAMES", str(_opencl))
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # or scikit-learn skips its checks of arrays
# the tests compile many small operations and run each a few times
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import numpy as np

from gpudict.arrays.door import to_host


def read_only(a: np.ndarray) -> np.ndarray:
    """Copy to NumPy's array that can't be written."""
    a = np.array(a)
    a.flags.writeable = False
    return a


def on_device1(a: np.ndarray) -> Any:
    """Copy to array-api-strict, on a device that is not its default."""
    import array_api_strict as xp

    return xp.asarray(np.array(a), device=xp.Device("device1"))


def on_torch(a: np.ndarray) -> Any:
    """Copy to PyTorch, on the CPU."""
    import torch

    return torch.asarray(np.array(a))


def on_jax(a: np.ndarray) -> Any:
    """Copy to JAX, on the CPU."""
    import jax.numpy as jnp

    return jnp.asarray(a)


def prepare_dpnp() -> None:
    """Turn oneMKL's vector functions off.

    On a CPU they wait for other tasks while dpnp holds the interpreter's lock, for which those
    tasks may be waiting: then the test hangs.
    """
    import dpnp.dpnp_algo.dpnp_elementwise_common as elementwise

    elementwise.vmi = types.SimpleNamespace(_is_available=lambda: False)


@functools.cache
def _queue() -> Any:
    """Return a queue that is not dpnp's own: what is made without `device=` is elsewhere."""
    import dpctl

    return dpctl.SyclQueue(dpctl.get_devices()[0])


def on_dpnp(a: np.ndarray) -> Any:
    """Copy to dpnp, on a queue that is not its default."""
    import dpnp

    return dpnp.asarray(np.array(a), sycl_queue=_queue())


def _dpnp_lacks() -> str | None:
    import dpctl

    return None if dpctl.get_devices() else "dpnp sees no device: pip install intel-opencl-rt"


def strictest() -> contextlib.AbstractContextManager[Any]:
    """The temper of array-api-strict in which all that the standard leaves open is refused."""
    import array_api_strict as xp

    return xp.ArrayAPIStrictFlags(
        boolean_indexing=False, data_dependent_shapes=False, enabled_extensions=()
    )


def lacks(library: str) -> str | None:
    """Return why a library can't be used here, or None; CuPy needs a device even for an array."""
    if importlib.util.find_spec(library) is None:
        return f"{library} is not installed"
    if library == "cupy" and not importlib.import_module("cupy").cuda.is_available():
        return "cupy is installed, but there is no CUDA device"
    return None


class BackendCase(NamedTuple):
    """A library, how it makes an array from a host one, its temper, and why it can't be used."""

    name: str
    requires: str
    asarray: Callable[[np.ndarray], Any]
    temper: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    lacks: Callable[[], str | None] = lambda: None


CASES = (
    BackendCase("numpy-readonly", "numpy", read_only),
    BackendCase("torch-cpu", "torch", on_torch),
    BackendCase("jax-eager", "jax", on_jax),
    BackendCase("strict-device1", "array_api_strict", on_device1),
    BackendCase("strictest-device1", "array_api_strict", on_device1, strictest),
    BackendCase("dpnp-queue", "dpnp", on_dpnp, lacks=_dpnp_lacks),
)


def host(x: Any) -> np.ndarray:
    """Copy an array of any library to NumPy."""
    return np.array(to_host(x))
