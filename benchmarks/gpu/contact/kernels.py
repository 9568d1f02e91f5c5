"""The kernels alone, without the package around them: compiled by nvcc, watched by NVIDIA's tools.

The programs are `standins/shim/rows.cpp`, which solves rows that are hard, and `sums.cpp`, of what
stands around; they judge themselves. In a rehearsal g++ compiles them behind the shim.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.gpu.contact.steps import Asked, tried
from benchmarks.gpu.devices import Absent
from gpudict.solvers.cuda import _launch

SHIM = Path(__file__).parents[2] / "standins" / "shim"
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
ROWS, LONG = 64, 40  # rows; seconds of a run at most
AT_ONCE = 4  # programs
REAL = {"float": "float32", "double": "float64"}
NOWHERE = 5  # what the program ends with where there is no device for it
FOUND = 9  # what compute-sanitizer is to end with where it finds something


class Variant(NamedTuple):
    """A kernel: its name, the type of its numbers, places / 32, atoms a load, and atoms."""

    name: str
    real: str
    slots: int
    width: int
    atoms: int

    def __str__(self) -> str:
        """Return what it is, in words."""
        return f"{self.name}, {self.real}, {32 * self.slots} places, k = {self.atoms}"

    @property
    def main(self) -> Path:
        """The program that it is compiled with."""
        return SHIM / ("rows.cpp" if self.name in ("lasso", "pursuit") else "sums.cpp")


VARIANTS = (
    Variant("lasso", "float", 1, 8, 48),
    Variant("lasso", "double", 2, 4, 100),
    Variant("pursuit", "float", 1, 1, 101),
    Variant("pursuit", "double", 2, 4, 48),
    *(Variant(name, "float", 1, 1, 48) for name in ("residual", "bound", "sphere")),
    *(Variant(name, "double", 1, 1, 101) for name in ("residual", "bound", "sphere")),
)


def found(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield how each program ends, as it is and under each tool."""
    build = shimmed if asked.rehearsal else by_nvcc
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        variants = [v for v in VARIANTS if REAL[v.real] in asked.dtypes]
        builds = {v: pool.submit(build, v, Path(folder)) for v in variants}
        runs = []
        for tool in ("", *TOOLS):
            for variant, built in builds.items():
                what = f"{tool}: {variant}" if tool else f"{variant}"
                runs.append(pool.submit(tried, what, partial(ran, variant, built.result, tool)))
        for run in runs:
            yield run.result()


def by_nvcc(variant: Variant, folder: Path, arch: str = "native") -> Path:
    """Compile for the device that is here, or for an architecture."""
    if (compiler := shutil.which("nvcc")) is None:
        raise Absent("nvcc is not on PATH: install the CUDA toolkit, or use a -devel image")
    name = "-".join(map(str, variant))
    source, program = folder / f"{name}.cu", folder / name
    source.write_text(_launch.source(variant.name))
    options = _launch.options(variant.real, variant.slots, variant.width)
    defines = [f'-DKERNELS="{source}"', f"-D{variant.name.upper()}"]
    command = [compiler, f"-arch={arch}", "-O2", "-lineinfo", *options, *defines]
    command += ["-x", "cu", str(variant.main), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines() or ["no reason given"]
        raise RuntimeError(f"nvcc: {next((s for s in said if 'error' in s), said[-1])}")
    return program


def shimmed(variant: Variant, folder: Path | None = None) -> Path:
    """Compile for the CPU, where that can be done."""
    from benchmarks.standins import warps

    if warps.COMPILER is None:
        raise Absent("the kernels run on the CPU through g++ on x86-64, which is not here")
    options = _launch.options(variant.real, variant.slots, variant.width)
    code = _launch.source(variant.name)
    return warps.compiled(code, variant.name, options, "-O1", "-g", main=variant.main.name)


def watched(tool: str) -> list[str]:
    """Return what a command begins with so that a tool watches it."""
    if (sanitizer := shutil.which("compute-sanitizer")) is None:
        raise Absent("compute-sanitizer is not on PATH: it comes with the CUDA toolkit")
    return [sanitizer, "--tool", tool, "--error-exitcode", str(FOUND)]


def ran(variant: Variant, built: Callable[[], Path], tool: str = "") -> dict[str, Any]:
    """Run a program, once it is built; what it says is kept where it does not end well."""
    watch = watched(tool) if tool else []
    command = [*watch, str(built()), str(ROWS), str(variant.atoms)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=LONG, check=False
    )
    if not done.returncode:
        return {"agrees": True}
    if done.returncode == NOWHERE:
        raise Absent(done.stderr.strip())
    said = (done.stdout + done.stderr)[-600:]
    return {"exit": done.returncode, "said": said, "agrees": False}
