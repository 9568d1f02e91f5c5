"""Tensors of a CUDA device without values: a trace at sizes that no machine at hand could hold.

PyTorch's FakeTensor knows shape, dtype and device of every result, and refuses what depends on
values. The package needs a few values all the same, the numbers that `read` brings to the host, so
those come from a script: a function of who asks. Everything else that wants a value fails, which
proves that nothing else does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

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
from benchmarks.standins.simulated import MEMORY
from gpudict.arrays import door

Script = Callable[[str], list[float]]


class _Watch(TorchDispatchMode):
    """Notes the operations, and the memory of what they make."""

    def __init__(self) -> None:
        super().__init__()
        self.counts, self.alive = Counts(), Alive()
        self.counts.alive = self.alive

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        made = [x for x in tensors(out) if x.device.type == "cuda"]
        for x in made:
            self.alive.watch(x, x.untyped_storage())
        if made and not func.is_view:
            entered = func._schema.name == "aten::_to_copy" and args[0].device.type == "cpu"
            done = operation(func, args, kwargs, out, TO_DEVICE if entered else "")
            self.counts.log.append(done)
        return out


@contextlib.contextmanager
def faked(script: Script) -> Iterator[Counts]:
    """Count what is asked of a device whose tensors have no values; the script answers reads.

    The script gets the function that asks, such as "loop._look", and returns the numbers.
    """
    cuda_type.load()
    watch = _Watch()

    def answered(x: Any) -> np.ndarray:
        asking = place()
        numbers = np.asarray(script(asking.function), dtype=np.float64)
        if x.ndim == 0:
            numbers = numbers.reshape(())
        assert numbers.shape == tuple(x.shape), f"{asking} reads {tuple(x.shape)} numbers"
        spec = Spec.of(x)
        watch.counts.log.append(Operation("read", asking, (spec,), (spec,), True, TO_HOST))
        return numbers

    with (
        mock.patch.object(torch.cuda, "_lazy_init", return_value=None),
        mock.patch.object(torch.cuda, "mem_get_info", return_value=(int(MEMORY), int(MEMORY))),
        mock.patch.object(door, "to_host", answered),
        FakeTensorMode(),
        watch,
    ):
        yield watch.counts


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return a tensor without values, inside `faked`."""
    return torch.empty(shape, dtype=dtype, device="cuda:0")
