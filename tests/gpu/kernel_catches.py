"""Which layer catches which bug of a CUDA kernel: each is planted into `lasso.cu`, and all run.

    python -m tests.gpu.kernel_catches            # print the table
    python -m tests.gpu.kernel_catches --write    # write it into tests/gpu/README.md

The kernel solves a few hard rows in a process of its own, compiled for the CPU, and is compiled for
a real device. Layers and bugs are rows of tables: a new one is a row.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.marked import put
from benchmarks.standins import nvrtc, warps
from gpudict.solvers.cuda import _launch as cuda

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- kernel catches: begin -->", "<!-- kernel catches: end -->"
CLEAN = "none"
PATIENCE = 60  # seconds, after which a run counts as one that never ends
BUGS = {  # what stands there, and what is planted
    CLEAN: ("", ""),
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
}


def program(bug: str, *flags: str, slots: int = 1) -> subprocess.CompletedProcess:
    """Run the rows with a bug, compiled with these flags."""
    before, after = BUGS[bug]
    code = cuda.source("lasso")
    assert before in code, f"the kernel has no line {before!r}"
    options = cuda.options("float", slots, 8)
    built = warps.compiled(
        code.replace(before, after), "lasso", options, "-O1", "-g", *flags, main="rows.cpp"
    )
    fixed = [path, "-R"] if (path := shutil.which("setarch")) else []  # addresses, for a sanitizer
    return subprocess.run(
        [*fixed, str(built)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def fibers(bug: str) -> bool:
    """Whether rows that are run by fibers are not at their optimum, or do not end."""
    try:
        found = program(bug)
    except subprocess.TimeoutExpired:
        return True
    return found.returncode != 0 and "Lanes part" not in found.stderr


def meetings(bug: str) -> bool:
    """Whether fibers notice that lanes do not meet."""
    try:
        return "Lanes part" in program(bug).stderr
    except subprocess.TimeoutExpired:
        return False


def sanitized(kind: str, sign: str) -> Callable[[str], bool]:
    """Return the layer of threads that a sanitizer watches."""

    def layer(bug: str) -> bool:
        try:
            return sign in program(bug, "-DRACES", f"-fsanitize={kind}").stderr
        except subprocess.TimeoutExpired:
            return False

    return layer


def real_device(bug: str) -> bool:
    """Whether the compiler for a device refuses it, or an array leaves the registers."""
    code = cuda.source("lasso").replace(*BUGS[bug])
    out = nvrtc.compiled(code, *cuda.options("float", 2, 8), "-arch=sm_90")
    return not out.binary or out.frame + out.spilled > 0


LAYERS: dict[str, Callable[[str], bool]] = {
    "fibers: numbers": fibers,
    "fibers: lanes meet": meetings,
    "threads: races": sanitized("thread", "data race"),
    "threads: addresses": sanitized("address", "AddressSanitizer"),
    "NVRTC, sm_90": real_device,
}


def caught(layer: str, bug: str) -> str:
    """Return "yes" if the layer catches the bug, "." if not, and "–" if it can't be had here."""
    absent = nvrtc.library() is None if layer.startswith("NVRTC") else warps.COMPILER is None
    if absent:
        return "–"
    return "yes" if LAYERS[layer](bug) else "."


def table() -> str:
    """Return the Markdown table."""
    lines = [f"| bug | {' | '.join(LAYERS)} |", "|---" * (len(LAYERS) + 1) + "|"]
    found = {bug: [caught(layer, bug) for layer in LAYERS] for bug in BUGS}
    lines += [f"| {bug} | {' | '.join(cells)} |" for bug, cells in found.items()]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    if not parser.parse_args(argv).write:
        print(table())  # noqa: T201
        return
    put(README, BEGIN, END, table())


if __name__ == "__main__":
    main()
