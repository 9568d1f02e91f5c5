"""Which layer catches which bug of a CUDA kernel: each is planted into `lasso.cu`, and all run.

    python -m tests.gpu.kernel_catches            # print the table
    python -m tests.gpu.kernel_catches --write    # write it into tests/gpu/README.md

The kernel solves a few hard rows in a process of its own, compiled for the CPU; it is compiled for
a real device; and it solves rows from its PTX, where bugs are planted into the launch too. Layers
and bugs are rows of tables: a new one is a row.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Callable

import numpy as np

from benchmarks.standins import nvrtc, warps
from benchmarks.standins.ptx.kernel import Unknown
from benchmarks.standins.ptx.running import Fault, launch
from gpudict.solvers.cuda import _launch as cuda
from tests.gpu import catching, large

BEGIN, END = "<!-- kernel catches: begin -->", "<!-- kernel catches: end -->"
CLEAN = "none"
PATIENCE = 60  # seconds, after which a run counts as one that never ends
AS_IT_IS = ("", "")
BUGS = {  # what stands there, and what is planted
    CLEAN: AS_IT_IS,
    "a sign": ("rank_one(A, w, 1 / part,", "rank_one(A, w, -1 / part,"),
    "a step that crosses zero": ("smallest(least) : real(1)", "real(1) : real(1)"),
    "the codes of another row": ("U[i * k + A.atom[s]]", "U[(n - 1 - i) * k + A.atom[s]]"),
    "a branch that differs between lanes": ("while (A.used) {", "while (in(A.used, 0)) {"),
    "a shuffle in such a branch": (
        "const int place = first(list.used);",
        "const int place = lane() ? first(list.used) : at(list.atom, 0) * 0 + first(list.used);",
    ),
    "another lane's column, read": (
        "+= A.entry(b, s) * xb",
        "+= A.M[b * PLACES + s * LANES - (lane() > 0)] * xb",
    ),
    "beyond the end of a row": ("const int j = some ? mine : 0;", "const int j = mine;"),
    "an array indexed at run time": (
        "place < LANES ? x[0] : x[SLOTS - 1]",
        "x[place / LANES]",
    ),
    "a name that only the CPU knows": ("sqrt(row.sq)", "std::sqrt(row.sq)"),
    "an input written": (
        "U[i * k + A.atom[s]] = A.u[s];",
        "U[i * k + A.atom[s]] = const_cast<real *>(start)[i * k + A.atom[s]] = A.u[s];",
    ),
    "equal products that have to cancel": (
        "crosses[s] && t[s] == step;",
        "crosses[s] && t[s] * d[s] - step * d[s] == 0;",
    ),
    "a subnormal that decides": (
        "(A.u[s] + d[s]) * A.sign[s] <= 0;",
        "(A.u[s] + d[s]) * A.sign[s] * real(1e-40) <= 0;",
    ),
    "an int for 60,000,000 rows": (
        "const long long i = row_of_warp();",
        "const int i = row_of_warp();",
    ),
    "launched: too little shared memory": AS_IT_IS,
    "launched: a warp too many in a block": AS_IT_IS,
    "launched: an int64 for an int": AS_IT_IS,
}
LAUNCHED = {  # what becomes of the shape and the arguments
    "launched: too little shared memory": lambda s, a: ((s[0], s[1], s[2] // 2), a),
    "launched: a warp too many in a block": lambda s, a: ((s[0], s[1] + cuda.LANES, s[2]), a),
    "launched: an int64 for an int": lambda s, a: (s, (*a[:-1], np.int64(a[-1]))),
}


def planted(bug: str) -> str:
    """Return the source of the kernel with a bug."""
    before, after = BUGS[bug]
    code = cuda.source("lasso")
    assert before in code, f"the kernel has no line {before!r}"
    return code.replace(before, after)


@functools.cache
def program(code: str, *flags: str) -> subprocess.CompletedProcess:
    """Run the rows with a source, compiled with these flags."""
    options = cuda.options("float", 1, 8)
    built = warps.compiled(code, "lasso", options, "-O1", "-g", *flags, main="rows.cpp")
    fixed = [path, "-R"] if (path := shutil.which("setarch")) else []  # addresses, for a sanitizer
    return subprocess.run(
        [*fixed, str(built)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def fibers(bug: str) -> bool:
    """Whether rows that are run by fibers are not at their optimum, or do not end."""
    try:
        found = program(planted(bug))
    except subprocess.TimeoutExpired:
        return True
    return found.returncode != 0 and "Lanes part" not in found.stderr


def meetings(bug: str) -> bool:
    """Whether fibers notice that lanes do not meet."""
    try:
        return "Lanes part" in program(planted(bug)).stderr
    except subprocess.TimeoutExpired:
        return False


def sanitized(kind: str, sign: str) -> Callable[[str], bool]:
    """Return the layer of threads that a sanitizer watches."""

    def layer(bug: str) -> bool:
        try:
            return sign in program(planted(bug), "-DRACES", f"-fsanitize={kind}").stderr
        except subprocess.TimeoutExpired:
            return False

    return layer


def real_device(bug: str) -> bool:
    """Whether the compiler for a device refuses it, or an array leaves the registers."""
    out = nvrtc.compiled(planted(bug), *cuda.options("float", 2, 8), "-arch=sm_90")
    return not out.binary or out.frame + out.spilled > 0


def from_ptx(bug: str) -> bool:
    """Whether a run from PTX, literal or contracted, finds fault, or rows not at their optimum."""
    change = LAUNCHED.get(bug, lambda *how: how)
    try:
        for contract in (False, True):
            for n in (24, 60_000_000):
                rows = large.lasso(n)
                shape, arguments = change(rows.shape, rows.arguments)
                blocks = range(shape[0]) if n == 24 else rows.last
                how = {"contract": contract, "blocks": blocks}
                launch(planted(bug), *large.HOW, shape, arguments, **how)
                if not rows.solved():
                    return True
    except (Fault, Unknown, nvrtc.Refused):
        return True
    return False


LAYERS: dict[str, Callable[[str], bool]] = {
    "fibers: numbers": fibers,
    "fibers: lanes meet": meetings,
    "threads: races": sanitized("thread", "data race"),
    "threads: addresses": sanitized("address", "AddressSanitizer"),
    "NVRTC, sm_90": real_device,
    "PTX": from_ptx,
}


def caught(layer: str, bug: str) -> str:
    """Return "yes" if the layer catches the bug, "." if not, and "–" if it can't be had here."""
    absent = {"NVRTC, sm_90": [nvrtc.library()], "PTX": [nvrtc.library(), warps.COMPILER]}
    if None in absent.get(layer, [warps.COMPILER]):
        return "–"
    return "yes" if LAYERS[layer](bug) else "."


def table() -> str:
    """Return the Markdown table."""
    return catching.table(LAYERS, BUGS, caught)


if __name__ == "__main__":
    catching.main(__doc__, BEGIN, END, table)
