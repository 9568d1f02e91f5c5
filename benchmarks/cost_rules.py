"""What one operation costs on a modelled device: launches, bytes, FLOPs, and from them seconds.

A roofline: an operation takes its launches plus the longer of moving its bytes and doing its FLOPs.
The rules are few and coarse, one function for each kind of operation that differs from "read the
inputs, write the outputs"; an input that is broadcast (stride 0) is read once. All numbers that
belong to a device are fields of its `Card`, so that a model's result names what it assumed.

The traced problem may have fewer rows than the one that is modelled. Bytes and FLOPs of what has
rows are scaled by their ratio; launches, waits, and matrices of k × k, k × d or m × m are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

Tensors = list[torch.Tensor]


class Card(NamedTuple):
    """A device: seconds a launch and a wait, bytes/s, FLOP/s, and the size of its L2 cache."""

    name: str
    launch: float
    wait: float
    bandwidth: float
    gemm: dict[torch.dtype, float]
    solve: float
    l2: float


CARDS = {
    "H100": Card(
        name="H100",
        launch=4e-6,
        wait=15e-6,
        bandwidth=3e12,
        gemm={torch.float32: 50e12, torch.float64: 30e12},
        solve=1e12,
        l2=50e6,
    )
}
SECTOR = 32  # bytes that a random read moves at least


class Cost(NamedTuple):
    """What one operation costs."""

    launches: int = 0
    waits: int = 0
    bytes: float = 0.0
    flops: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]
        """Add field by field."""
        return Cost(*(a + b for a, b in zip(self, other, strict=True)))


class Scale(NamedTuple):
    """The ratio of modelled to traced rows, and the sizes that do not count rows."""

    ratio: float = 1.0
    fixed: frozenset[int] = frozenset()

    def of(self, x: torch.Tensor) -> float:
        """Return the ratio if x has rows: unless all its sizes are fixed, or it is square."""
        sizes = [s for s in x.shape if s > 3]
        square = len(sizes) == 2 and sizes[0] == sizes[1]
        return 1.0 if square or all(s in self.fixed for s in sizes) else self.ratio

    def bytes(self, x: torch.Tensor) -> float:
        """Return the bytes of x at the modelled size, a broadcast dimension counted once."""
        counted = (s for s, stride in zip(x.shape, x.stride(), strict=True) if stride != 0)
        return math.prod(counted) * x.element_size() * self.of(x)

    def numel(self, x: torch.Tensor) -> float:
        """Return the number of elements of x at the modelled size."""
        return x.numel() * self.of(x)


FREE = frozenset(
    """
    view _unsafe_view reshape _reshape_alias expand unsqueeze squeeze slice select permute
    transpose t detach alias as_strided unbind split split_with_sizes diagonal unfold
    view_as lift_fresh empty empty_like new_empty empty_strided
    """.split()
)  # views, and memory that nobody fills
WAITS = frozenset("_local_scalar_dense item is_nonzero equal nonzero masked_select".split())


def cost(card: Card, scale: Scale, name: str, ins: Tensors, outs: Tensors) -> Cost:
    """Return what the aten operation `name` costs on the card."""
    if name.rstrip("_") in FREE or name in FREE:
        return Cost()
    if name in WAITS:
        return Cost(waits=1, seconds=card.wait)
    rule = RULES.get(name.rstrip("_"), _stream)
    launches, moved, flops, rate = rule(card, scale, ins, outs, name.endswith("_"))
    busy = moved / card.bandwidth
    work = flops / rate
    busy = busy + work if rule is _solve else max(busy, work)  # a solve alternates between them
    masks = any(x.dtype == torch.bool for x in ins[1:]) and rule in (_gather, _scatter)
    seconds = launches * card.launch + busy + masks * card.wait
    return Cost(launches, int(masks), moved, flops, seconds)


Rule = Callable[[Card, Scale, Tensors, Tensors, bool], tuple[int, float, float, float]]


def _total(scale: Scale, tensors: Tensors) -> float:
    return sum(scale.bytes(x) for x in tensors)


def _stream(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    """Read the inputs and write the outputs: all that is elementwise, and the reductions."""
    return 1, _total(scale, ins) + _total(scale, outs), 0.0, 1.0


def _fill(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    return 1, _total(scale, outs), 0.0, 1.0


def _copy(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    return 1, _total(scale, ins[:2]), 0.0, 1.0  # the target is written, not read


def _matmul(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    """(…, a, b) @ (…, b, c): 2·a·b·c FLOPs each; the factors are the last two inputs."""
    left, right = ins[-2:]
    flops = 2.0 * left.numel() * right.shape[-1] * max(scale.of(left), scale.of(right))
    moved = _total(scale, ins) + _total(scale, outs)
    return 1, moved, flops, card.gemm.get(left.dtype, card.gemm[torch.float32])


def _gather(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    """Random reads: bytes as asked for from a source in L2, sectors from a larger one."""
    source, out = ins[0], outs[0]
    read = scale.bytes(out)
    if scale.bytes(source) > card.l2:
        read = min(read * SECTOR / source.element_size(), max(read, scale.bytes(source)))
    return 1, scale.bytes(out) + _total(scale, ins[1:]) + read, 0.0, 1.0


def _take(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    """Whole rows: contiguous reads, whatever the size of the source."""
    return 1, 2 * scale.bytes(outs[0]) + _total(scale, ins[1:]), 0.0, 1.0


def _index(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    return (_take if len(ins) == 2 else _gather)(card, scale, ins, outs, inplace)


def _scatter(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    """Random writes, a sector each; out of place, the target is copied first."""
    target, values = ins[0], ins[-1]
    written = max(scale.numel(x) for x in ins[1:]) * SECTOR
    copied = 0.0 if inplace else 2 * scale.bytes(target)
    return 1, _total(scale, ins[1:-1]) + scale.bytes(values) + written + copied, 0.0, 1.0


def _sort(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    """A radix sort of (key, 8-byte index) pairs: a pass for each 4 bits, each read and written."""
    passes = 2 * ins[0].element_size()
    moved = scale.numel(ins[0]) * (ins[0].element_size() + 8) * passes
    return passes, moved, 0.0, 1.0


def _solve(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    """Batched LU: 2/3·m³ FLOPs a system, its matrix moved four times."""
    A = ins[0]
    return 3, 4 * scale.bytes(A), 2 / 3 * scale.numel(A) * A.shape[-1], card.solve


def _cholesky(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    A = ins[0]
    return 3, 4 * scale.bytes(A), 1 / 3 * scale.numel(A) * A.shape[-1], card.solve


def _substitute(card: Card, scale: Scale, ins: Tensors, outs: Tensors, inplace: bool):
    A = ins[-1] if ins[-1].shape[-1] == ins[-1].shape[-2] else ins[0]
    return 3, 4 * scale.bytes(A), 2.0 * scale.numel(A), card.solve


RULES: dict[str, Rule] = {
    **dict.fromkeys(["mm", "bmm", "addmm", "baddbmm"], _matmul),
    **dict.fromkeys(["gather", "take"], _gather),
    "index": _index,
    "index_select": _take,
    **dict.fromkeys(["index_put", "_index_put_impl", "scatter"], _scatter),
    **dict.fromkeys(["sort", "argsort", "topk"], _sort),
    **dict.fromkeys(["linalg_solve_ex", "_linalg_solve_ex", "linalg_lu_factor_ex"], _solve),
    "linalg_cholesky_ex": _cholesky,
    **dict.fromkeys(["cholesky_solve", "linalg_solve_triangular"], _substitute),
    **dict.fromkeys("fill zero zeros zeros_like ones ones_like full full_like".split(), _fill),
    **dict.fromkeys("arange eye scalar_tensor new_zeros new_full".split(), _fill),
    "copy": _copy,
}
