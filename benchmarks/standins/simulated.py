"""CUDA devices that are none: tensors that say `cuda:0` or `cuda:1`, have values, are counted.

    with simulated() as counts:
        solution = gpudict.encode(to_device(X), to_device(V), alpha=0.1)
    counts.launches, counts.waits, counts.to_host, counts.between

Each tensor wraps one of the CPU. PyTorch hands every operation on it to `_Device`, which refuses
what a device refuses (tensors of two devices in one operation, NumPy reading device memory), notes
what was asked (`counting`), and computes the values on the CPU. So the project's real code runs, on
the path that it takes on a GPU, and what it asks of one is known: launches, waits, copies, bytes.
What a real card would do with them, and in what time, is not. Sparse tensors are not simulated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from benchmarks.standins import cuda_type
from benchmarks.standins.counting import (
    BETWEEN,
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

DEVICES, MEMORY = 2, 80e9  # and bytes of each unless `simulated` is told
COPIES = ("_to_copy", "copy_")
INDEXED = ("index", "index_put", "index_put_", "_index_put_impl_")
PRODUCTS = ("mm", "bmm", "addmm", "baddbmm", "dot", "mv")
_ACTIVE: list[_Device] = []


class SimulatedTensor(torch.Tensor):
    """A tensor on a simulated device."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    _raw: torch.Tensor

    @staticmethod
    def __new__(cls, values: torch.Tensor, index: int = 0) -> SimulatedTensor:
        """Wrap a tensor of the CPU, whose memory it shares, on the device of that number."""
        made: SimulatedTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=torch.device("cuda", index),
        )
        made._raw = values
        if _ACTIVE:
            _ACTIVE[-1].alive[index].watch(made, values.untyped_storage())
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute outside any `simulated` block, where nobody counts."""
        return _Device(()).computed(func, args, kwargs or {})

    def __repr__(self) -> str:
        return f"SimulatedTensor({self._raw!r})"

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse, as tensors of a device do."""
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy "
            "the tensor to host memory first."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        raise BufferError("the memory of a simulated device can't be handed to another library")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device.index  # kDLCUDA

    def tolist(self) -> Any:
        """Copy to the host, and list."""
        return self.cpu().tolist()

    def data_ptr(self) -> int:
        """Return the address of the values, which is one of the host."""
        return self._raw.data_ptr()


class _Device(TorchDispatchMode):
    """Runs each operation on the values, and notes those that a device would have run."""

    def __init__(self, alive: Sequence[Alive]) -> None:
        super().__init__()
        self.counts, self.alive = Counts(), alive

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.computed(func, args, kwargs or {})

    def computed(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run one aten operation."""
        given = list(tensors((args, kwargs)))
        ours = [x for x in given if isinstance(x, SimulatedTensor)]
        made = _cuda(kwargs.get("device"))
        if not ours and made is None:
            return func(*args, **kwargs)
        name = func._schema.name.partition("::")[2]
        if name in COPIES:
            return self._copied(func, name, args, kwargs)
        where = ours[0].device.index if made is None else made
        self._refuse_mixed(func, name, given, where)
        plain_args, plain = tree_map(_unwrapped, (args, kwargs))
        if made is not None:
            plain["device"] = torch.device("cpu")
        out = func(*plain_args, **plain)
        if not func.is_view:
            self._note(operation(func, args, kwargs, out))
        return tree_map(_rewrapped(ours, where), out)

    def _copied(self, func: Any, name: str, args: Any, kwargs: Any) -> Any:
        """Copy, on a device, from one to another, or across the border."""
        source, target = (args[1], args[0]) if name == "copy_" else (args[0], None)
        where = kwargs.get("device")
        start = _cuda(source.device)
        end = _cuda((source if target is None else target).device if where is None else where)
        plain_args, plain = tree_map(_unwrapped, (args, kwargs))
        out = func(*plain_args, **{**plain, **({"device": "cpu"} if where is not None else {})})
        crossed = TO_DEVICE if start is None else TO_HOST if end is None else BETWEEN
        self._note(operation(func, args, kwargs, out, "" if start == end else crossed))
        if target is not None:
            return target
        return out if end is None else SimulatedTensor(out, end)

    def _refuse_mixed(
        self, func: Any, name: str, given: Iterable[torch.Tensor], where: int
    ) -> None:
        """Raise for what is elsewhere, but the host's numbers, and indices, which are copied."""
        for x in given:
            there = _cuda(x.device)
            if there == where or (there is None and not x.ndim and name not in PRODUCTS + INDEXED):
                continue
            if there is None and name in INDEXED:
                if x.ndim or not x.dtype.is_floating_point:
                    self._note(Operation(name, place(), (), (Spec.of(x),), False, TO_DEVICE))
                continue
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"cuda:{where} and {x.device}! (in {func})"
            )

    def _note(self, done: Operation) -> None:
        self.counts.log.append(done)


def _cuda(device: Any) -> int | None:
    """Return the number of a CUDA device; None for the host, and where none is named."""
    where = None if device is None else torch.device(device)
    return None if where is None or where.type != "cuda" else where.index or 0


def _unwrapped(x: Any) -> Any:
    return x._raw if isinstance(x, SimulatedTensor) else x


def _rewrapped(ours: list[SimulatedTensor], where: int) -> Callable[[Any], Any]:
    """Return the function that wraps results; what was changed in place stays the same tensor."""
    known = {id(x._raw): x for x in ours}

    def wrapped(x: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            return x
        return known.get(id(x)) if id(x) in known else SimulatedTensor(x, where)

    return wrapped


@contextlib.contextmanager
def simulated(memory: float = MEMORY) -> Iterator[Counts]:
    """Count what is asked of the two devices inside; `memory` bytes of each, and then it is full.

    `counts.alive` is the memory of the first. A thread is on the devices where it has entered a
    stream, as threads that work for a caller must.

    Raises
    ------
    Unavailable
        The device type can't be had here; the message says why.
    """
    cuda_type.load()
    device = _Device(tuple(Alive(memory) for _ in range(DEVICES)))

    def free(of: Any = None) -> tuple[int, int]:
        which = of if isinstance(of, int) else _cuda(of) or 0
        return int(memory - device.alive[which].now), int(memory)

    @contextlib.contextmanager
    def stream(of: Any) -> Iterator[None]:
        here = device in torch.utils._python_dispatch._get_current_dispatch_mode_stack()
        with contextlib.nullcontext() if here else device:
            yield

    _ACTIVE.append(device)
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with (
            mock.patch.object(torch.cuda, "_lazy_init", return_value=None),
            mock.patch.object(torch.cuda, "mem_get_info", free),
            mock.patch.object(torch.cuda, "device_count", return_value=DEVICES),
            mock.patch.object(torch.cuda, "current_stream", lambda of: of),
            mock.patch.object(torch.cuda, "stream", stream),
            device,
        ):
            device.counts.alive = device.alive[0]
            yield device.counts
    finally:
        torch._C._set_only_lift_cpu_tensors(False)
        _ACTIVE.remove(device)


def to_device(array: np.ndarray, index: int = 0) -> torch.Tensor:
    """Return a copy of a NumPy array on a device; nobody counts it: it is how things start."""
    cuda_type.load()
    return SimulatedTensor(torch.from_numpy(np.array(array)), index)


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
