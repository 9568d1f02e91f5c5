"""Devices that are not the host, and how a wait for one is refused.

CuPy and PyTorch on a GPU, where there is one. So that the same lines are known to work, there are
also PyTorch tensors that are treated as if they were far from the host, and dpnp.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.support.backends import CASES, BackendCase, lacks

KNOWN = {case.name: case for case in CASES}
WAITS = {"_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select"}


def _on_cuda(a: np.ndarray) -> Any:
    import torch

    return torch.asarray(np.array(a), device="cuda")


def _cuda_lacks() -> str | None:
    if why := lacks("torch"):
        return why
    cuda = importlib.import_module("torch").cuda
    return None if cuda.is_available() else "torch sees no CUDA device"


def _on_cupy(a: np.ndarray) -> Any:
    import cupy

    return cupy.asarray(a)


@contextlib.contextmanager
def _cuda_must_not_wait() -> Iterator[None]:
    import torch

    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@contextlib.contextmanager
def _torch_must_not_wait() -> Iterator[None]:
    """On the CPU there is nothing to wait for: refuse the operations that would on a GPU."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Refuse(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            assert func._schema.name.partition("::")[2] not in WAITS, func
            return func(*args, **(kwargs or {}))

    with Refuse():
        yield


@contextlib.contextmanager
def _dpnp_must_not_wait() -> Iterator[None]:
    import dpnp

    def refuse(*_: Any) -> Any:
        raise AssertionError("it waits for the device")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("__bool__", "__float__", "__int__", "__index__", "asnumpy"):
            patch.setattr(dpnp.ndarray, name, refuse)
        yield


class Place(NamedTuple):
    """A library on a device, how a wait is refused there, and whether it must be made to look far.

    CuPy has no mode in which a wait is an error.
    """

    case: BackendCase
    must_not_wait: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    near: bool = False


GPU = pytest.mark.gpu
PLACES = [
    pytest.param(Place(BackendCase("cupy", "cupy", _on_cupy, lacks=lambda: lacks("cupy"))),
                 id="cupy", marks=GPU),
    pytest.param(Place(BackendCase("torch-cuda", "torch", _on_cuda, lacks=_cuda_lacks),
                       _cuda_must_not_wait), id="torch-cuda", marks=GPU),
    pytest.param(Place(KNOWN["torch-cpu"], _torch_must_not_wait, near=True), id="torch-as-if-far"),
    pytest.param(Place(KNOWN["dpnp-queue"], _dpnp_must_not_wait), id="dpnp-queue"),
]  # fmt: skip
