"""The n-th allocation fails, wherever arrays are: on the host, in a strict library, on a device.

Each of `SOURCES` is a context in which the arrays that the package makes are counted, and kept by
weak references; `Count` says which of them fail.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from gpudict.arrays import door
from tests.support.backends import on_device1, on_torch, read_only

COMPILED = "gpudict.solvers.host.kernels"  # what Numba reads has the real NumPy


class Count:
    """Counts allocations; number `at` fails, and with `lasting` all that follow it."""

    def __init__(self, at: int | None = None, *, lasting: bool = False) -> None:
        self.at, self.lasting, self.number = at, lasting, 0
        self.lock = threading.Lock()
        self.made: list[weakref.ref[Any]] = []
        self.now = lambda: sum(ref() is not None for ref in self.made)

    def fails(self) -> bool:
        """Count one more; whether it fails."""
        with self.lock:
            self.number += 1
            if self.at is None:
                return False
            return self.number >= self.at if self.lasting else self.number == self.at

    def alive(self) -> int:
        """Return how many arrays, or bytes, are still there."""
        gc.collect()
        return self.now()


class _Namespace(types.ModuleType):
    """A namespace whose functions are counted; what they return is watched."""

    def __init__(self, real: Any, count: Count) -> None:
        super().__init__(real.__name__)
        self._real, self._count = real, count

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if isinstance(found, types.ModuleType):
            return _Namespace(found, self._count)
        if isinstance(found, type) or not callable(found) or name.startswith("__"):
            return found

        return _Function(found, self._count)


class _Function:
    """A function; arrays that it makes, other than views, are counted."""

    def __init__(self, real: Any, count: Count) -> None:
        self._real, self._count = real, count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        made = self._real(*args, **kwargs)
        new = isinstance(made, np.ndarray) and made.base is None
        if new and not any(made is a for a in args):
            if self._count.fails():
                raise MemoryError("planted: no memory")
            self._count.made.append(weakref.ref(made))
        return made


class _Watched(dict[Any, Any]):
    """The door's table of namespaces: what is put there is counted."""

    def __init__(self, count: Count) -> None:
        super().__init__()
        self._count, self._known = count, {}

    def __setitem__(self, key: Any, real: Any) -> None:
        known = self._known.setdefault(real.__name__, _Namespace(real, self._count))
        super().__setitem__(key, known)


@contextlib.contextmanager
def on_the_host(count: Count) -> Iterator[None]:
    """Count what NumPy's functions make, called by the package as `np` or by the door's names."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(door, "_NAMESPACES", _Watched(count)))
        for name, module in list(sys.modules.items()):
            ours = name.startswith("gpudict.") and not name.startswith(COMPILED)
            if ours and getattr(module, "np", None) is np:
                stack.enter_context(mock.patch.object(module, "np", _Namespace(np, count)))
        yield


@contextlib.contextmanager
def in_torch(count: Count) -> Iterator[None]:
    """Count what PyTorch's operations make, on the CPU, whose allocator has words of its own."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    from tests.support.counting import Alive

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            made = func(*args, **(kwargs or {}))
            some = isinstance(made, torch.Tensor) and made.numel() > 1
            if some and not func.is_view and count.fails():
                words = "DefaultCPUAllocator: can't allocate memory: you tried to allocate"
                raise RuntimeError(f"[enforce fail] {words}: planted")
            return made

    alive = Alive()
    count.now = lambda: alive.now
    with alive, Mode():
        yield


@contextlib.contextmanager
def in_strict(count: Count) -> Iterator[None]:
    """Count every array of array-api-strict, those that operators make among them."""
    import array_api_strict as xp

    cls = type(xp.asarray(0.0))
    real = cls.__dict__["_new"].__func__

    def new(kind: Any, *args: Any, **kwargs: Any) -> Any:
        if count.fails():
            raise MemoryError("planted: no memory")
        made = real(kind, *args, **kwargs)
        count.made.append(weakref.ref(made))
        return made

    with mock.patch.object(cls, "_new", classmethod(new)):
        yield


@contextlib.contextmanager
def on_a_device(count: Count) -> Iterator[None]:
    """Count the storages of the simulated device, which says so as PyTorch on CUDA does."""
    import torch

    from benchmarks.standins import simulated

    def note(device: Any, done: Any) -> None:
        if any(made.numel() > 1 for made in done.outs) and count.fails():
            raise torch.OutOfMemoryError("CUDA out of memory: planted")

    with (
        simulated.simulated() as counts,
        mock.patch.object(simulated._Device, "_note", note),
    ):
        count.now = lambda: counts.alive.now
        yield


def _on_a_device(a: np.ndarray) -> Any:
    from benchmarks.standins.simulated import to_device

    return to_device(a)


class Source(NamedTuple):
    """Where allocations fail: how an array comes there, and the context that counts."""

    name: str
    asarray: Callable[[np.ndarray], Any]
    counted: Callable[[Count], contextlib.AbstractContextManager[None]]
    sparse: bool = True


SOURCES = (
    Source("numpy", read_only, on_the_host),
    Source("torch", on_torch, in_torch, sparse=False),
    Source("strict", on_device1, in_strict, sparse=False),
    Source("device", _on_a_device, on_a_device, sparse=False),
)
