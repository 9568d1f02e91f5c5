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
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from benchmarks.cards import CARDS, Card
from benchmarks.counting import Operation, Spec

Arrays = Sequence[Spec]
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

    def of(self, x: Spec) -> float:
        """Return the ratio if x has rows: unless all its sizes are fixed, or it is square."""
        sizes = [s for s in x.shape if s > 3]
        square = len(sizes) == 2 and sizes[0] == sizes[1]
        return 1.0 if square or all(s in self.fixed for s in sizes) else self.ratio

    def bytes(self, x: Spec) -> float:
        """Return the bytes of x at the modelled size, a broadcast dimension counted once."""
        counted = (s for s, stride in zip(x.shape, x.strides, strict=True) if stride != 0)
        return math.prod(counted) * x.element_size() * self.of(x)

    def numel(self, x: Spec) -> float:
        """Return the number of elements of x at the modelled size."""
        return x.numel() * self.of(x)


SAME = Scale()
FREE = frozenset(
    """
    view _unsafe_view reshape _reshape_alias expand unsqueeze squeeze slice select permute
    transpose t detach alias as_strided unbind split split_with_sizes diagonal unfold
    view_as lift_fresh empty empty_like new_empty empty_strided
    _local_scalar_dense item is_nonzero
    """.split()
)  # views, memory that nobody fills, and a value that is only read


def is_free(op: Operation) -> bool:
    """Whether no kernel is started."""
    return not op.kernel and (op.name in FREE or op.name.rstrip("_") in FREE)


def launches(op: Operation) -> int:
    """Return how many kernels the operation starts, on any card."""
    return cost(CARDS["H100"], SAME, op).launches


def cost(card: Card, scale: Scale, op: Operation) -> Cost:
    """Return what the operation costs on the card; a copy across the border starts no kernel."""
    waited = op.waits * card.wait
    if op.crossed:
        moved = scale.bytes(op.outs[0])
        return Cost(0, int(op.waits), moved, 0.0, waited + moved / card.link)
    if is_free(op):
        return Cost(0, int(op.waits), 0.0, 0.0, waited)
    if op.kernel:
        started, moved, flops = 1, op.moved, op.flops
        rate, rule = card.rate(op.ins[0].dtype), _stream
    else:
        rule = rule_of(op)
        started, moved, flops, rate = rule(card, scale, op.ins, op.outs, op.name.endswith("_"))
    busy, work = moved / card.bandwidth, flops / rate
    busy = busy + work if rule is _solve else max(busy, work)  # a solve alternates between them
    return Cost(started, int(op.waits), moved, flops, started * card.launch + busy + waited)


def rule_of(op: Operation) -> Rule:
    """Return the rule for an operation."""
    return RULES.get(op.name.rstrip("_"), _stream)


Rule = Callable[[Card, Scale, Arrays, Arrays, bool], tuple[int, float, float, float]]


def _total(scale: Scale, arrays: Arrays) -> float:
    return sum(scale.bytes(x) for x in arrays)


def _stream(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    """Read the inputs and write the outputs: all that is elementwise, and the reductions."""
    return 1, _total(scale, ins) + _total(scale, outs), 0.0, 1.0


def _fill(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    return 1, _total(scale, outs), 0.0, 1.0


def _copy(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    return 1, _total(scale, ins[:2]), 0.0, 1.0  # the target is written, not read


def _matmul(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    """(…, a, b) @ (…, b, c): 2·a·b·c FLOPs each; the factors are the last two inputs."""
    left, right = ins[-2:]
    flops = 2.0 * left.numel() * right.shape[-1] * max(scale.of(left), scale.of(right))
    moved = _total(scale, ins) + _total(scale, outs)
    return 1, moved, flops, card.rate(left.dtype)


def _gather(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    """Random reads: bytes as asked for from a source in L2, sectors from a larger one."""
    source, out = ins[0], outs[0]
    read = scale.bytes(out)
    if scale.bytes(source) > card.l2:
        read = min(read * SECTOR / source.element_size(), max(read, scale.bytes(source)))
    return 1, scale.bytes(out) + _total(scale, ins[1:]) + read, 0.0, 1.0


def _take(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    """Whole rows: contiguous reads, whatever the size of the source."""
    return 1, 2 * scale.bytes(outs[0]) + _total(scale, ins[1:]), 0.0, 1.0


def _index(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    return (_take if len(ins) == 2 else _gather)(card, scale, ins, outs, inplace)


def _scatter(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    """Random writes, a sector each; out of place, the target is copied first."""
    target, values = ins[0], ins[-1]
    written = max(scale.numel(x) for x in ins[1:]) * SECTOR
    copied = 0.0 if inplace else 2 * scale.bytes(target)
    return 1, _total(scale, ins[1:-1]) + scale.bytes(values) + written + copied, 0.0, 1.0


def _sort(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    """A radix sort of (key, 8-byte index) pairs: a pass for each 4 bits, each read and written."""
    passes = 2 * ins[0].element_size()
    moved = scale.numel(ins[0]) * (ins[0].element_size() + 8) * passes
    return passes, moved, 0.0, 1.0


def _solve(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    """Batched LU: 2/3·m³ FLOPs a system, its matrix moved four times."""
    A = ins[0]
    return 3, 4 * scale.bytes(A), 2 / 3 * scale.numel(A) * A.shape[-1], card.solve


def _cholesky(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
    A = ins[0]
    return 3, 4 * scale.bytes(A), 1 / 3 * scale.numel(A) * A.shape[-1], card.solve


def _substitute(card: Card, scale: Scale, ins: Arrays, outs: Arrays, inplace: bool):
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
