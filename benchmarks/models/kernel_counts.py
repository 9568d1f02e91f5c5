"""How many instructions the CUDA kernels execute, counted without a device.

Every function of a kernel calls shuffles or votes. Run on the CPU, the kernel counts how often a
warp meets at each; the machine code for the device says how many instructions stand beside each of
them. A function's share, wherever it is inlined, is the product:

    instructions a row = Σ meetings a row × instructions / shuffles

So a loop's overhead, addresses and copies made by unrolling are counted, and a function that spends
its time in a part with fewer instructions for each shuffle than the rest of it is counted too high.
"""

from __future__ import annotations

import collections
import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.standins import nvrtc, warps
from gpudict.solvers.cuda import _launch as cuda

COUNTED = ("-DCOUNTED", "-g")  # flags of the CPU's compiler
SHUFFLES = ("SHFL", "VOTE")
ROUND = "a round"  # of the entry, which else is passed once
PLAIN = "warp.cuh"  # its functions belong to those that call them
WIDTH = {"float": 8, "double": 4}
Region = tuple[str, ...]  # a function, and where each caller calls it, innermost first


class Counts(NamedTuple):
    """Of a row: instructions, and among them loads of global and shared memory, and shuffles."""

    instructions: float
    loads: float
    shared: float
    shuffles: float

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override]
        """Add field by field."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, factor: float) -> Counts:
        """Return every count times a factor."""
        return Counts(*(factor * a for a in self))


def functions(name: str) -> dict[tuple[str, int], str]:
    """Return which function a line of a source file is in."""
    inside, current = {}, ""
    for number, file, line in numbered(cuda.source(name)):
        if found := re.match(r"(?:DEVICE|extern|template).*?\b(\w+)\(", line):
            current = found[1]
        elif current == name and re.match("  (for|while) ", line):
            current = ROUND
        elif current == ROUND and line == "  }":
            current = name
        inside[file, number] = current
    return inside


def numbered(code: str) -> Iterator[tuple[int, str, str]]:
    """Yield (number, file, line) as the #line directives have it."""
    file, number = "", 0
    for line in code.splitlines():
        if found := re.match(r'#line (\d+) "(.*)"', line):
            file, number = found[2], int(found[1])
        else:
            yield number, file, line
            number += 1


def region(chain: list[tuple[str, int]], inside: dict[tuple[str, int], str]) -> Region:
    """Return the region of a place, from the lines of its inlined calls, innermost first."""
    own = [place for place in chain if place[0] != PLAIN]
    calls = [f"{file}:{line}" for file, line in own[1:]]
    return (inside.get(own[0], "?") if own else "?", *calls)


def machine_code(name: str, options: tuple[str, ...], arch: str) -> dict[Region, Counts]:
    """Return the instructions of each region, as compiled for the architecture."""
    built = nvrtc.compiled(cuda.source(name), *options, f"-arch=sm_{arch}", "-lineinfo")
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(built.binary)
        text = subprocess.run(
            [str(disassembler()), "-gi", "-c", file.name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    inside, sums = functions(name), collections.defaultdict(lambda: Counts(0, 0, 0, 0))
    lines = {(file, number): line for number, file, line in numbered(cuda.source(name))}
    double = "-DREAL=double" in options
    chain: list[tuple[str, int]] = []
    fresh = True
    hot, _, _ = text.rpartition(" EXIT ;")  # what follows is for lanes that part, and they never do
    for line in hot.splitlines():
        if found := re.search(r'//## File "(?:[^"]*/)?([^"]+)", line (\d+)', line):
            chain = [(found[1], int(found[2]))] if fresh else [*chain, (found[1], int(found[2]))]
            fresh = False
        elif found := re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9]*)", line):
            fresh, code = True, found[1]
            meets = 1 / words(chain, inside, lines, double) if code in SHUFFLES else 0
            sums[region(chain, inside)] += Counts(1, code == "LDG", code in ("LDS", "STS"), meets)
    return dict(sums)


def words(chain: list, inside: dict, lines: dict, double: bool) -> int:
    """Return how many instructions a shuffle or vote here takes: two for a double."""
    functions_ = {inside.get(place) for place in chain}
    whole = functions_ & {"votes", "strongest"} or any(
        "atom" in lines[p] for p in chain if p in lines
    )
    ballots = "ballot" in lines.get(chain[0], "")
    return 2 if double and not whole and not ballots else 1


def disassembler() -> str | None:
    """Return NVIDIA's disassembler, from the CUDA toolkit or the package triton; None if absent."""
    if found := shutil.which("nvdisasm"):
        return found
    for folder in sys.path:
        own = Path(folder, "triton/backends/nvidia/bin/nvdisasm")
        if own.exists():
            return str(own)
    return None


def meetings(name: str, options: tuple[str, ...]) -> dict[Region, float]:
    """Return how often warps have met in each region since this was last asked."""
    library = warps.library(cuda.source(name), name, options, *COUNTED)
    room = 4096
    offsets, times = (ctypes.c_longlong * room)(), (ctypes.c_longlong * room)()
    n = library.places_and_counts(offsets, times, room)
    assert n <= room
    library.forget_counts()
    path, inside = library._name, functions(name)
    places = "\n".join(hex(offsets[i] - 1) for i in range(n))
    text = subprocess.run(
        ["addr2line", "-i", "-a", "-e", path], input=places, capture_output=True, text=True
    ).stdout
    met: dict[Region, float] = collections.defaultdict(float)
    for i, block in enumerate(re.split(r"^0x[0-9a-f]+\n", text, flags=re.M)[1:]):
        lines = re.findall(r"(?:.*/)?(\S+?\.cuh?):(\d+)", block)
        met[region([(file, int(line)) for file, line in lines], inside)] += times[i]
    return dict(met)


def row_counts(name: str, real: str, slots: int, arch: str, rows: int) -> Counts:
    """Return the counts of a row, from the meetings of so many rows and the machine code."""
    options = cuda.options(real, slots, WIDTH[real])
    code, met = machine_code(name, options, arch), meetings(name, options)
    merged: dict[Region, Counts] = collections.defaultdict(lambda: Counts(0, 0, 0, 0))
    for where, counts in code.items():
        while where not in met and len(where) > 1:  # it calls none itself: part of its caller
            file, line = where[1].split(":")
            where = (functions(name)[file, int(line)], *where[2:])
        merged[where] += counts
    total = Counts(0, 0, 0, 0)
    for where, counts in merged.items():
        often = counts.shuffles and where != (name,)
        passes = met.get(where, 0) / rows / counts.shuffles if often else 1
        total += counts.times(passes)
    return total
