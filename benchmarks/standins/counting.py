"""What a program asks of a device, as a list: each operation, who asked for it, and what it moves.

An `Operation` keeps the shapes of its arrays, not the arrays, so that `cost_rules` can price one
list for any card. `Counts` adds them up. Which operations wait is not written down by hand:
PyTorch tags those whose outcome depends on data, and for what it does not tag, factorisations and
sparse matrices, the answer is yes unless the name says that nothing is checked (`…_ex`).
"""

from __future__ import annotations

import collections
import math
import sys
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils._pytree import tree_leaves

import gpudict
from gpudict.arrays import phases

PACKAGE = str(Path(gpudict.__file__).parent) + "/"
DOORS = ("arrays/door.py", "arrays/backends/")  # they ask for others
OUTSIDE = "around"  # the phase of what is done outside any
TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
QUIET_LINALG = ("vector_norm", "matrix_norm", "solve_triangular", "cross", "linalg_qr")
# of a QR PyTorch reads its answer in debug builds alone: apply_geqrf, BatchLinearAlgebraLib.cpp
TO_DEVICE, TO_HOST, BETWEEN = "to device", "to host", "between devices"
FREE = frozenset(
    """
    view _unsafe_view reshape _reshape_alias expand unsqueeze squeeze slice select permute
    transpose t detach alias as_strided unbind split split_with_sizes diagonal unfold
    view_as lift_fresh empty empty_like new_empty empty_strided
    _local_scalar_dense item is_nonzero
    """.split()
)  # views, memory that nobody fills, and a value that is only read: they start no kernel
SORTS = ("sort", "argsort", "topk")  # by radix: a kernel for each 4 bits of a key
THREE = frozenset(
    """
    linalg_solve_ex _linalg_solve_ex linalg_lu_factor_ex linalg_cholesky_ex cholesky_solve
    linalg_solve_triangular
    """.split()
)  # kernels of a batched factorisation or substitution


class Spec(NamedTuple):
    """All that is kept of an array."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, x: torch.Tensor) -> Spec:
        """Describe a tensor."""
        return cls(tuple(x.shape), tuple(x.stride()), x.dtype)

    def numel(self) -> int:
        """Return the number of elements."""
        return math.prod(self.shape)

    def element_size(self) -> int:
        """Return the bytes of an element."""
        return self.dtype.itemsize

    def nbytes(self) -> int:
        """Return the bytes of all elements."""
        return self.numel() * self.element_size()


class Place(NamedTuple):
    """Who asked: phase, function and line in the package."""

    phase: str = OUTSIDE
    function: str = ""
    line: str = ""


class Operation(NamedTuple):
    """An operation: its name, place and arrays, and whether the host waits for it.

    `crossed` says which border its first result crossed. A `kernel` from elsewhere knows the bytes
    that it moved and its FLOPs.
    """

    name: str
    place: Place
    ins: tuple[Spec, ...] = ()
    outs: tuple[Spec, ...] = ()
    waits: bool = False
    crossed: str = ""
    kernel: bool = False
    moved: float = 0.0
    flops: float = 0.0

    @property
    def launches(self) -> int:
        """Kernels that it starts; a copy across the border starts none."""
        name = self.name.rstrip("_")
        if self.kernel:
            return 1
        if self.crossed or self.name in FREE or name in FREE:
            return 0
        return 2 * self.ins[0].element_size() if name in SORTS else 3 if name in THREE else 1


@dataclass
class Counts:
    """The operations so far, what they add up to, and the memory that was in use."""

    log: list[Operation] = field(default_factory=list)
    alive: Alive | None = None

    def at(self, phase: str) -> Counts:
        """Return the counts of a phase alone."""
        return Counts([op for op in self.log if op.place.phase == phase])

    def since(self, mark: int) -> Counts:
        """Return the counts without the first `mark` operations: `mark = len(counts.log)`."""
        return Counts(self.log[mark:])

    @property
    def launches(self) -> int:
        """Kernels started."""
        return sum(op.launches for op in self.log)

    @property
    def waits(self) -> int:
        """Times that the host waited for the device."""
        return sum(op.waits for op in self.log)

    @property
    def to_device(self) -> list[int]:
        """Bytes of each copy from the host to the device."""
        return [op.outs[0].nbytes() for op in self.log if op.crossed == TO_DEVICE]

    @property
    def to_host(self) -> list[int]:
        """Bytes of each copy from the device to the host."""
        return [op.outs[0].nbytes() for op in self.log if op.crossed == TO_HOST]

    @property
    def between(self) -> list[int]:
        """Bytes of each copy from one device to another."""
        return [op.outs[0].nbytes() for op in self.log if op.crossed == BETWEEN]

    @property
    def ops(self) -> collections.Counter[str]:
        """How often each operation was asked for."""
        return collections.Counter(op.name for op in self.log)

    def waiting(self) -> collections.Counter[tuple[str, str]]:
        """Return what waited, and where: for messages."""
        return collections.Counter((op.name, op.place.line) for op in self.log if op.waits)


class Alive:
    """Bytes of the arrays that live on the device; views share their storage."""

    def __init__(self, limit: float = math.inf) -> None:
        self.limit, self.now, self.peak, self.largest = limit, 0, 0, 0
        self._users: collections.Counter[int] = collections.Counter()

    def watch(self, owner: torch.Tensor, storage: torch.UntypedStorage) -> None:
        """Count the storage for as long as the owner, or another one of it, lives."""
        key, size = storage._cdata, storage.nbytes()
        if not self._users[key]:
            if self.now + size > self.limit:
                raise torch.OutOfMemoryError(
                    f"CUDA out of memory. Tried to allocate {size} bytes (simulated: "
                    f"{self.now} of {self.limit:.0f} are in use)."
                )
            self.now += size
            self.peak, self.largest = max(self.peak, self.now), max(self.largest, size)
        self._users[key] += 1
        weakref.finalize(owner, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            self.now -= size


def place() -> Place:
    """Return phase, function and line of the package's code that asks; doors are not places."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename.removeprefix(PACKAGE)
        if path != frame.f_code.co_filename and not path.startswith(DOORS):
            stem = Path(path).stem
            asking = f"{stem}.{frame.f_code.co_name}", f"{stem}:{frame.f_lineno}"
            return Place(phases.current() or OUTSIDE, *asking)
        frame = frame.f_back
    return Place()


def operation(func: Any, args: Any, kwargs: Any, out: Any, crossed: str = "") -> Operation:
    """Describe an aten operation that ran; a copy to the host waits, and so does a value."""
    ins, outs = (tuple(Spec.of(x) for x in tensors(tree)) for tree in ((args, kwargs), out))
    name = func._schema.name.partition("::")[2]
    waited = crossed == TO_HOST or waits(func, args, kwargs)
    if waited and not outs:  # a number of the host, such as an `item`
        crossed, outs = TO_HOST, (Spec((1,), (1,), ins[0].dtype),)
    return Operation(name, place(), ins, outs, waited, crossed)


def tensors(tree: Any) -> Iterable[torch.Tensor]:
    """Yield the tensors among arguments or results."""
    return (x for x in tree_leaves(tree) if isinstance(x, torch.Tensor))


def waits(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether the host must wait for the device to know what comes of the operation."""
    name = func._schema.name.partition("::")[2].rstrip("_")
    if name.endswith(("index", "index_put", "index_put_impl")):
        masked = any(x.dtype in (torch.bool, torch.uint8) for x in tensors(args[1]))
        return masked and not (len(args) > 2 and _number(args[2]))
    if name == "repeat_interleave" and kwargs.get("output_size") is not None:
        return False
    if "linalg" in name:
        return not (name.endswith("_ex") or name.endswith(QUIET_LINALG))
    return bool(TAGS & set(func.tags)) or "sparse" in name


def _number(value: torch.Tensor) -> bool:
    """Whether the value is a number of the host, which fills a mask without counting it."""
    return value.numel() == 1 and value.device.type == "cpu"
