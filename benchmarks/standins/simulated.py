"""A CUDA device that is none: tensors that say `cuda:0`, have values, and are counted.

    with simulated() as counts:
        solution = gpudict.encode(to_device(X), to_device(V), alpha=0.1)
    counts.launches, counts.waits, counts.to_host

Each tensor wraps one of the CPU. PyTorch hands every operation on it to `_Device`, which refuses
what a device refuses (tensors of two devices in one operation, NumPy reading device memory), notes
what was asked (`counting`), and computes the values on the CPU. So the project's real code runs,
on the path that it takes on a GPU, and what it asks of a GPU is known: launches, waits, copies and
bytes. What a real card would do with them, and in what time, is not. Sparse tensors are not
simulated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from benchmarks.standins import cuda_type
from benchmarks.standins.counting import (
    TO_DEVICE,
    TO_HOST,
    Alive,
    Counts,
    Operation,
    Spec,
    operation,
    place,
    tensors,
)

MEMORY = 80e9  # bytes of the device unless `simulated` is told
COPIES = ("_to_copy", "copy_")
INDEXED = ("index", "index_put", "index_put_", "_index_put_impl_")
PRODUCTS = ("mm", "bmm", "addmm", "baddbmm", "dot", "mv")
_ACTIVE: list[_Device] = []


class SimulatedTensor(torch.Tensor):
    """A tensor on the simulated device."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    _raw: torch.Tensor

    @staticmethod
    def __new__(cls, values: torch.Tensor) -> SimulatedTensor:
        """Wrap a tensor of the CPU, whose memory it shares."""
        made: SimulatedTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=torch.device("cuda", 0),
        )
        made._raw = values
        if _ACTIVE:
            _ACTIVE[-1].alive.watch(made, values.untyped_storage())
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute outside any `simulated` block, where nobody counts."""
        return _Device(Alive()).computed(func, args, kwargs or {})

    def __repr__(self) -> str:
        return f"SimulatedTensor({self._raw!r})"

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse, as tensors of a device do."""
        raise TypeError(
            "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        raise BufferError("the memory of a simulated device can't be handed to another library")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0  # kDLCUDA

    def tolist(self) -> Any:
        """Copy to the host, and list."""
        return self.cpu().tolist()

    def data_ptr(self) -> int:
        """Return the address of the values, which is one of the host."""
        return self._raw.data_ptr()


class _Device(TorchDispatchMode):
    """Runs each operation on the values, and notes those that a device would have run."""

    def __init__(self, alive: Alive) -> None:
        super().__init__()
        self.counts, self.alive = Counts(), alive

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.computed(func, args, kwargs or {})

    def computed(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run one aten operation."""
        given = list(tensors((args, kwargs)))
        ours = [x for x in given if isinstance(x, SimulatedTensor)]
        host = [x for x in given if not isinstance(x, SimulatedTensor)]
        made = kwargs.get("device") is not None and _is_cuda(kwargs["device"])
        if not ours and not made:
            return func(*args, **kwargs)
        name = func._schema.name.partition("::")[2]
        if name in COPIES:
            return self._copied(func, name, args, kwargs)
        self._refuse_mixed(func, name, host)
        plain_args, plain = tree_map(_unwrapped, (args, kwargs))
        if made:
            plain["device"] = torch.device("cpu")
        out = func(*plain_args, **plain)
        if not func.is_view:
            self._note(operation(func, args, kwargs, out))
        return tree_map(_rewrapped(ours), out)

    def _copied(self, func: Any, name: str, args: Any, kwargs: Any) -> Any:
        """Copy, on the device or across the border."""
        source, target = (args[1], args[0]) if name == "copy_" else (args[0], None)
        from_device = isinstance(source, SimulatedTensor)
        where = kwargs.get("device")
        to_device = from_device if where is None else _is_cuda(where)
        if target is not None:
            to_device = isinstance(target, SimulatedTensor)
        plain_args, plain = tree_map(_unwrapped, (args, kwargs))
        out = func(*plain_args, **{**plain, **({"device": "cpu"} if where is not None else {})})
        crossed = "" if from_device == to_device else TO_HOST if from_device else TO_DEVICE
        self._note(operation(func, args, kwargs, out, crossed))
        if target is not None:
            return target
        return SimulatedTensor(out) if to_device else out

    def _refuse_mixed(self, func: Any, name: str, host: list[torch.Tensor]) -> None:
        """Raise for tensors of the host, but for numbers, and indices, which are copied."""
        for x in host:
            if name in INDEXED and not (x.ndim == 0 and x.dtype.is_floating_point):
                self._note(Operation(name, place(), (), (Spec.of(x),), False, TO_DEVICE))
            elif x.ndim or name in PRODUCTS:
                raise RuntimeError(
                    "Expected all tensors to be on the same device, but found at least two "
                    f"devices, cuda:0 and cpu! (in {func})"
                )

    def _note(self, done: Operation) -> None:
        self.counts.log.append(done)


def _is_cuda(device: Any) -> bool:
    return torch.device(device).type == "cuda"


def _unwrapped(x: Any) -> Any:
    return x._raw if isinstance(x, SimulatedTensor) else x


def _rewrapped(ours: list[SimulatedTensor]) -> Callable[[Any], Any]:
    """Return the function that wraps results; what was changed in place stays the same tensor."""
    known = {id(x._raw): x for x in ours}

    def wrapped(x: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            return x
        return known.get(id(x)) if id(x) in known else SimulatedTensor(x)

    return wrapped


@contextlib.contextmanager
def simulated(memory: float = MEMORY) -> Iterator[Counts]:
    """Count what is asked of the device inside; `memory` bytes of it, and then it is full.

    Raises
    ------
    Unavailable
        The device type can't be had here; the message says why.
    """
    cuda_type.load()
    device = _Device(Alive(memory))

    def free(of: Any = None) -> tuple[int, int]:
        return int(memory - device.alive.now), int(memory)

    _ACTIVE.append(device)
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with (
            mock.patch.object(torch.cuda, "_lazy_init", return_value=None),
            mock.patch.object(torch.cuda, "mem_get_info", free),
            device,
        ):
            device.counts.alive = device.alive
            yield device.counts
    finally:
        torch._C._set_only_lift_cpu_tensors(False)
        _ACTIVE.remove(device)


def to_device(array: np.ndarray) -> torch.Tensor:
    """Return a copy of a NumPy array on the device; nobody counts it: it is how things start."""
    cuda_type.load()
    return SimulatedTensor(torch.from_numpy(np.array(array)))


def raw(x: torch.Tensor) -> torch.Tensor:
    """Return the tensor of the CPU that holds the values of x: the same memory."""
    assert isinstance(x, SimulatedTensor), f"{type(x).__name__} is not on the simulated device"
    return x._raw


def launched(
    name: str, moved: float, flops: float, dtype: torch.dtype = torch.float32, waits: bool = False
) -> None:
    """Report a kernel that is no operation of PyTorch: bytes moved and FLOPs, in a dtype."""
    if _ACTIVE:
        of = (Spec((), (), dtype),)
        done = Operation(name, place(), of, of, waits, kernel=True, moved=moved, flops=flops)
        _ACTIVE[-1].counts.log.append(done)
