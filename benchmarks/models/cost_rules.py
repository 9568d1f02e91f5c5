"""What one operation costs on a modelled device: launches, bytes, FLOPs, and from them seconds.

A roofline: an operation takes its launches plus the longer of moving its bytes and doing its FLOPs.
Launches are counted by `counting`. The rules are few and coarse, one function for each kind of
operation that differs from "read the inputs, write the outputs"; an input that is broadcast
(stride 0) is read once. All numbers that belong to a device are fields of its `Card`, so that a
model's result names what it assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.models.cards import Card
from benchmarks.standins.counting import SORTS, Operation, Spec

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


def moved_by(x: Spec) -> float:
    """Return the bytes of x, a broadcast dimension counted once."""
    counted = (s for s, stride in zip(x.shape, x.strides, strict=True) if stride != 0)
    return math.prod(counted) * x.element_size()


def cost(card: Card, op: Operation) -> Cost:
    """Return what the operation costs on the card; a copy across the border starts no kernel."""
    waited = op.waits * card.wait
    if op.crossed:
        moved = moved_by(op.outs[0])
        return Cost(0, int(op.waits), moved, 0.0, waited + moved / card.link)
    started = op.launches
    if not started:
        return Cost(0, int(op.waits), 0.0, 0.0, waited)
    if op.kernel:
        moved, flops, rate, rule = op.moved, op.flops, card.rate(op.ins[0].dtype), _stream
    else:
        rule = rule_of(op)
        moved, flops, rate = rule(card, op.ins, op.outs, op.name.endswith("_"))
    busy, work = moved / card.bandwidth, flops / rate
    busy = busy + work if rule is _solve else max(busy, work)  # a solve alternates between them
    return Cost(started, int(op.waits), moved, flops, started * card.launch + busy + waited)


def rule_of(op: Operation) -> Rule:
    """Return the rule for an operation."""
    return RULES.get(op.name.rstrip("_"), _stream)


Rule = Callable[[Card, Arrays, Arrays, bool], tuple[float, float, float]]


def _total(arrays: Arrays) -> float:
    return sum(moved_by(x) for x in arrays)


def _stream(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    """Read the inputs and write the outputs: all that is elementwise, and the reductions."""
    return _total(ins) + _total(outs), 0.0, 1.0


def _fill(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    return _total(outs), 0.0, 1.0


def _copy(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    return _total(ins[:2]), 0.0, 1.0  # the target is written, not read


def _matmul(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    """(…, a, b) @ (…, b, c): 2·a·b·c FLOPs each; the factors are the last two inputs."""
    left, right = ins[-2:]
    flops = 2.0 * left.numel() * right.shape[-1]
    moved = _total(ins) + _total(outs)
    return moved, flops, card.rate(left.dtype)


def _gather(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    """Random reads: bytes as asked for from a source in L2, sectors from a larger one."""
    source, out = ins[0], outs[0]
    read = moved_by(out)
    if moved_by(source) > card.l2:
        read = min(read * SECTOR / source.element_size(), max(read, moved_by(source)))
    return moved_by(out) + _total(ins[1:]) + read, 0.0, 1.0


def _take(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    """Whole rows: contiguous reads, whatever the size of the source."""
    return 2 * moved_by(outs[0]) + _total(ins[1:]), 0.0, 1.0


def _index(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    return (_take if len(ins) == 2 else _gather)(card, ins, outs, inplace)


def _scatter(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    """Random writes, a sector each; out of place, the target is copied first."""
    target, values = ins[0], ins[-1]
    written = max(x.numel() for x in ins[1:]) * SECTOR
    copied = 0.0 if inplace else 2 * moved_by(target)
    return _total(ins[1:-1]) + moved_by(values) + written + copied, 0.0, 1.0


def _sort(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    """A radix sort of (key, 8-byte index) pairs: a pass for each 4 bits, each read and written."""
    passes = 2 * ins[0].element_size()
    moved = ins[0].numel() * (ins[0].element_size() + 8) * passes
    return moved, 0.0, 1.0


def _solve(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    """Batched LU: 2/3·m³ FLOPs a system, its matrix moved four times."""
    A = ins[0]
    return 4 * moved_by(A), 2 / 3 * A.numel() * A.shape[-1], card.solve


def _cholesky(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    A = ins[0]
    return 4 * moved_by(A), 1 / 3 * A.numel() * A.shape[-1], card.solve


def _substitute(card: Card, ins: Arrays, outs: Arrays, inplace: bool):
    A = ins[-1] if ins[-1].shape[-1] == ins[-1].shape[-2] else ins[0]
    return 4 * moved_by(A), 2.0 * A.numel(), card.solve


GEMM = ("mm", "bmm", "addmm", "baddbmm")
RULES: dict[str, Rule] = {
    **dict.fromkeys(GEMM, _matmul),
    **dict.fromkeys(["gather", "take"], _gather),
    "index": _index,
    "index_select": _take,
    **dict.fromkeys(["index_put", "_index_put_impl", "scatter"], _scatter),
    **dict.fromkeys(SORTS, _sort),
    **dict.fromkeys(["linalg_solve_ex", "_linalg_solve_ex", "linalg_lu_factor_ex"], _solve),
    "linalg_cholesky_ex": _cholesky,
    **dict.fromkeys(["cholesky_solve", "linalg_solve_triangular"], _substitute),
    **dict.fromkeys("fill zero zeros zeros_like ones ones_like full full_like".split(), _fill),
    **dict.fromkeys("arange eye scalar_tensor new_zeros new_full".split(), _fill),
    "copy": _copy,
}
