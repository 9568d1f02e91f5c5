"""What an instruction of PTX gives on the CPU is what the ISA says that it gives on a device.

One at a time, where the kernels' own numbers do not come: NaN, ±0, subnormals, wide shifts; and
every kind of shuffle (https://docs.nvidia.com/cuda/parallel-thread-execution/).
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.standins import warps
from benchmarks.standins.ptx import cpp
from benchmarks.standins.ptx.kernel import Kernel, Unknown
from benchmarks.standins.ptx.running import FIRST, Buffer, Module, Shape

pytestmark = pytest.mark.skipif(
    warps.COMPILER is None,
    reason="PTX is run through g++ on x86-64, which is not here",
)
NAN, TINY, ONE = "0f7FC00000", "0f00400000", "0f3F800000"  # TINY is subnormal
ZERO, MINUS = "0f00000000", "0f80000000"
UP = "0f3F800001"  # 1 + 2^−23: its square is 1 + 2^−22 + 2^−46
LEAST = "-2147483648"
EQUAL, BELOW = ("eq", "le", "ge", "equ", "leu", "geu"), ("ne", "lt", "le", "neu", "ltu", "leu")
CASES = [  # instruction, operands, bits of the result
    ("add.ftz.f32", (TINY, ZERO), 0), ("add.f32", (TINY, ZERO), 0x400000),
    ("mul.ftz.f32", ("0f80800000", "0f3F000000"), 0x80000000),
    ("mul.f32", ("0f00800000", "0f3F000000"), 0x400000),
    ("sub.f32", (NAN, ONE), 0x7FFFFFFF), ("fma.rn.f32", (UP, UP, "0fBF800002"), 0x28800000),
    ("fma.rn.ftz.f32", (UP, UP, "0fBF800002"), 0x28800000), ("neg.ftz.f32", (TINY,), 0x80000000),
    ("abs.f32", (MINUS,), 0), ("max.f32", (NAN, ONE), 0x3F800000),
    ("max.f32", (ONE, NAN), 0x3F800000), ("max.f32", (MINUS, ZERO), 0),
    ("max.f32", (ZERO, MINUS), 0), ("min.f32", (ZERO, MINUS), 0x80000000),
    ("min.f32", (MINUS, ZERO), 0x80000000),
    ("min.ftz.f32", (NAN, TINY), 0), ("sqrt.rn.f32", ("0f40000000",), 0x3FB504F3),
    ("rcp.rn.f32", (MINUS,), 0xFF800000), ("div.rn.f32", (ONE, "0f40400000"), 0x3EAAAAAB),
    ("shl.b32", ("1", "%w"), 0), ("shl.b32", ("3", "31"), 0x80000000), ("shr.u32", ("-1", "%w"), 0),
    ("shr.s32", ("-5", "40"), 0xFFFFFFFF), ("shr.s32", ("-5", "1"), 0xFFFFFFFD),
    ("bfi.b32", ("5", "-1", "4", "3"), 0xFFFFFFDF), ("bfi.b32", ("5", "7", "4", "0"), 7),
    ("bfi.b32", ("5", "7", "0", "32"), 5), ("shf.l.wrap.b32", (LEAST, "1", "1"), 3),
    ("shf.l.wrap.b32", ("9", "7", "32"), 7), ("popc.b32", ("-1",), 32), ("clz.b32", ("0",), 32),
    ("clz.b32", ("1",), 31), ("max.s32", ("-1", "1"), 1), ("max.u32", ("-1", "1"), 0xFFFFFFFF),
    ("min.s32", ("-1", "1"), 0xFFFFFFFF), ("mul.lo.s32", ("65536", "65536"), 0),
    ("mul.lo.s32", ("50000", "50000"), 2500000000), ("mad.lo.s32", ("65536", "65537", "-1"), 65535),
    ("neg.s32", (LEAST,), 0x80000000), ("not.b32", ("0",), 0xFFFFFFFF), ("and.b32", ("6", "3"), 2),
    ("or.b32", ("6", "3"), 7), ("xor.b32", ("6", "3"), 5), ("add.s32", ("-1", LEAST), 0x7FFFFFFF),
    ("sub.s32", ("0", "1"), 0xFFFFFFFF), ("mul.wide.u16", ("-1", "-1"), 0xFFFE0001),
    ("mul.wide.s16", ("-1", "-1"), 1), ("cvt.s32.s16", ("-1",), 0xFFFFFFFF),
    ("cvt.u32.u16", ("-1",), 0xFFFF), ("cvt.rn.f32.s32", ("-3",), 0xC0400000),
    *((f"setp.{c}.f32", (NAN, ONE), int(c[2:] in ("u", "n"))) for c in cpp.COMPARED),
    *((f"setp.{c}.f32", (ONE, ONE), int(c in EQUAL)) for c in cpp.COMPARED),
    *((f"setp.{c}.ftz.f32", (ZERO, TINY), int(c in EQUAL)) for c in cpp.COMPARED),
    *((f"setp.{c}.f32", (ZERO, TINY), int(c in BELOW)) for c in cpp.COMPARED),
    ("setp.lt.s32", ("-1", "1"), 1), ("setp.lt.u32", ("-1", "1"), 0),
    ("selp.b32", ("1", "2", "%t"), 1), ("selp.b32", ("1", "2", "%n"), 2),
]  # fmt: skip
OF = 13  # the lane that is asked
SHUFFLES = [  # instruction, b and c, and from which lane lane 13 takes
    ("shfl.sync.bfly.b32", ("16", "31"), 29), ("shfl.sync.bfly.b32", ("3", "31"), 14),
    ("shfl.sync.idx.b32", ("33", "31"), 1), ("shfl.sync.idx.b32", ("9", "31"), 9),
    ("shfl.sync.up.b32", ("2", "0"), 11), ("shfl.sync.up.b32", ("14", "0"), 13),
    ("shfl.sync.down.b32", ("4", "31"), 17), ("shfl.sync.down.b32", ("30", "31"), 13),
    ("shfl.sync.idx.b32", ("6", "6175"), 14), ("shfl.sync.idx.b32", ("9", "6175"), 9),
]  # fmt: skip


def program() -> str:
    """Return PTX whose thread l writes the results at out[l, …]."""
    lines = []
    for i, (op, args, _) in enumerate(CASES + SHUFFLES):
        many = ", ".join(args)
        if op.startswith("setp"):
            lines += [f"{op} %p, {many};", "selp.b32 %r, 1, 0, %p;"]
        elif op.startswith("shfl"):
            lines += [f"{op} %r|%p, %l, {many}, -1;"]
        elif op.endswith("f32") or ".f32." in op:
            lines += [f"{op} %f, {many};", "mov.b32 %r, %f;"]
        else:
            lines += [f"{op} %r, {many};"]
        lines.append(f"st.global.u32 [%a+{4 * i}], %r;")
    return entry(
        *(f".reg .{kind} %{name};" for kind, names in KINDS.items() for name in names),
        "ld.param.u64 %a, [check_param_0];",
        "mov.u32 %l, %tid.x;",
        f"mul.wide.u32 %o, %l, {4 * len(CASES + SHUFFLES)};",
        *("add.s64 %a, %a, %o;", "mov.pred %t, -1;", "mov.pred %n, 0;"),
        f"add.u32 %w, %l, {32 - OF};",  # too wide, which no compiler knows
        *lines,
    )


KINDS = {"pred": "ptn", "b32": "rlw", "f32": "f", "b64": "ao"}  # registers


def entry(*lines: str) -> str:
    """Return PTX of these lines."""
    head = (".visible .entry check(", ".param .u64 check_param_0", ")", "{")
    return "\n".join([*head, *lines, "ret;", "}", ""])


def test_instructions():
    cases = CASES + SHUFFLES
    out = np.zeros((32, len(cases)), np.uint32)
    buffer = Buffer(FIRST, out.nbytes, out.ctypes.data, 0)
    Module(program(), "check").run(Shape(0, 1, 1, 32, 0), [buffer], [np.array(FIRST, np.uint64)])
    got = {case[:2]: hex(bits) for case, bits in zip(cases, out[OF].tolist(), strict=True)}
    assert got == {case[:2]: hex(case[2]) for case in cases}
    tried = {op.split(".")[0] for op, *_ in cases}
    assert {op.split(".")[0] for op in (*cpp.FLOATS, *cpp.INTEGERS)} <= tried


@pytest.mark.parametrize(
    "line",
    [
        "bar.sync 0;",
        "atom.global.add.u32 %r, [%a], 1;",
        "cvt.rzi.s32.f32 %r, %f;",
        "add.rz.f32 %f, %f, %f;",
        "rcp.approx.f32 %f, %f;",
        "add.sat.s32 %r, %r, %r;",
        "setp.lo.u32 %p, %r, 1;",
        "setp.lt.and.s32 %p, %r, 1, %p;",
        "@%p shfl.sync.idx.b32 %r, %r, 0, 31, -1;",
        "ld.local.u32 %r, [%a];",
        "mov.u32 %r, %laneid;",
    ],
)
def test_what_is_not_known_is_refused(line: str):
    """Never guessed: barriers, atomics, roundings and comparisons that no kernel uses yet."""
    registers = (".reg .b32 %r;", ".reg .pred %p;", ".reg .f32 %f;", ".reg .b64 %a;")
    with pytest.raises(Unknown):
        cpp.Writer(Kernel(entry(*registers, line), "check")).text()
