"""The test matrix: one row for each array library, device and temper.

The hostile members are the point: read-only NumPy inputs, a device that is not the default, and the
strictest reading of the standard, with no extensions, no boolean masks, no shapes that depend on
data. Every test that takes `backend` runs on all of them.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))  # the benchmarks
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# the OpenCL device of dpnp that is a CPU, from intel-opencl-rt; read when dpctl is imported
if (_opencl := Path(sys.prefix, "lib", "libintelocl.so")).exists():
    os.environ.setdefault("OCL_ICD_FILENAMES", str(_opencl))
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # or scikit-learn skips its checks of arrays
# the tests compile many small operations and run each a few times
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import numpy as np
import pytest

from gpudict.arrays.door import to_host


def _readonly(a: np.ndarray) -> np.ndarray:
    a = np.array(a)
    a.flags.writeable = False
    return a


def _strict(a: np.ndarray) -> Any:
    import array_api_strict as xp

    return xp.asarray(np.array(a), device=xp.Device("device1"))


def _torch(a: np.ndarray) -> Any:
    import torch

    return torch.asarray(np.array(a))


def _jax(a: np.ndarray) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(a)


def _dpnp_prepared() -> None:
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


def _dpnp(a: np.ndarray) -> Any:
    import dpnp

    return dpnp.asarray(np.array(a), sycl_queue=_queue())


def _dpnp_lacks() -> str | None:
    import dpctl

    return None if dpctl.get_devices() else "dpnp sees no device: pip install intel-opencl-rt"


def _strictest() -> contextlib.AbstractContextManager[Any]:
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
    BackendCase("numpy-readonly", "numpy", _readonly),
    BackendCase("torch-cpu", "torch", _torch),
    BackendCase("jax-eager", "jax", _jax),
    BackendCase("strict-device1", "array_api_strict", _strict),
    BackendCase("strictest-device1", "array_api_strict", _strict, _strictest),
    BackendCase("dpnp-queue", "dpnp", _dpnp, lacks=_dpnp_lacks),
)


SLOW = ("jax-eager", "dpnp")  # they compile each shape, or each kernel


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow in our tests and, of dpnp, in scikit-learn's."""
    for item in items:
        if any(name in item.name for name in SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _usable(request: pytest.FixtureRequest) -> None:
    """Prepare dpnp where a test will use it, and skip scikit-learn's of CuPy without a device."""
    if "dpnp" in request.node.name and importlib.util.find_spec("dpnp"):
        _dpnp_prepared()
    if "array_namespace=cupy" in request.node.name and (why := lacks("cupy")):
        pytest.skip(why)


@pytest.fixture(params=[pytest.param(case, id=case.name) for case in CASES])
def backend(request: pytest.FixtureRequest) -> Iterator[BackendCase]:
    """Each array library in turn, in its temper."""
    pytest.importorskip(request.param.requires)
    if why := request.param.lacks():
        pytest.skip(why)
    with request.param.temper():
        yield request.param


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Each dtype in turn."""
    return str(request.param)


@contextlib.contextmanager
def counted_waits() -> Iterator[list[str]]:
    """List every moment at which an array-api-strict array's value reaches the host."""
    strict = importlib.import_module("array_api_strict")
    cls, waits, kept = type(strict.asarray(0.0)), [], {}

    def spy(name: str) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            waits.append(name)
            return kept[name](self, *args, **kwargs)

        return call

    names = ("__bool__", "__float__", "__int__", "__index__", "__complex__", "to_device")
    try:
        for name in names:
            kept[name] = getattr(cls, name)
            setattr(cls, name, spy(name))
        yield waits
    finally:
        for name, method in kept.items():
            setattr(cls, name, method)


def host(x: Any) -> np.ndarray:
    """Copy an array of any library to NumPy."""
    return np.array(to_host(x))


@pytest.fixture
def simulated() -> Any:
    """The context that counts what is asked of the simulated CUDA device."""
    pytest.importorskip("torch")
    from benchmarks.standins import cuda_type
    from benchmarks.standins.simulated import simulated as context

    try:
        cuda_type.load()
    except cuda_type.Unavailable as reason:
        pytest.skip(f"no simulated CUDA device: {reason}")
    return context
