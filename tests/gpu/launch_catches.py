"""Which tests see a bug in what stands around the kernels: each is planted, and all of them run.

    python -m tests.gpu.launch_catches            # print the table
    python -m tests.gpu.launch_catches --write    # write it into tests/gpu/README.md

The bugs are those that a reading of the libraries' sources found before any test launched a kernel.
Each is a line of a copy of the package, in which the tests of a layer then run.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import gpudict
from tests.gpu import catching

ROOT = Path(gpudict.__file__).parents[1]
BEGIN, END = "<!-- launch catches: begin -->", "<!-- launch catches: end -->"
CLEAN = "none"
PARTS = ("gpudict", "tests", "benchmarks", "pyproject.toml")


class Bug(NamedTuple):
    """A file of the package, what stands there, and what is planted."""

    file: str
    line: str
    planted: str


LAUNCH, TRIAL, CUDA, CUPY = (
    "solvers/cuda/_launch.py",
    "solvers/cuda/_trial.py",
    "arrays/backends/_cuda.py",
    "arrays/backends/cupy.py",
)
BUGS = {
    CLEAN: Bug(LAUNCH, "LANES = 32", "LANES = 32"),
    "letters that are not ASCII in the source": Bug(
        LAUNCH, '    code = re.sub(r"//.*", "", code)\n    assert code.isascii()\n', ""
    ),
    "a stream that CuPy deprecates": Bug(
        CUPY,
        "    with device:\n",
        "    import cupy\n\n    with device, cupy.cuda.ExternalStream(0):\n",
    ),
    "the default stream, whichever is current": Bug(
        "arrays/backends/torch.py",
        "stream = torch.cuda.current_stream(device).cuda_stream",
        "stream = 0",
    ),
    "PyTorch: the context of the first device": Bug(
        CUDA, "with _current(device):", "with _current(0):"
    ),
    "CuPy: the device that is current": Bug(CUPY, "    with device:\n", "    if True:\n"),
    "CuPy: a kernel for all devices": Bug(CUPY, "options, device.id)", "options, 0)"),
    "an entry that does not go home": Bug("coding/encode.py", "@at_home\n", ""),
    "no home for CuPy": Bug(CUPY, "    home=lambda x: x.device,\n", ""),
    "no trial of a device": Bug(TRIAL, "TRIED[key] = _trial(like)", "TRIED[key] = True"),
    "a trial that does not look at the codes": Bug(
        TRIAL, "if to_host(Z).tolist() != [[0, 0, 0, 1.5, 0, 0, 0, 0]]:", "if False:"
    ),
}
LAYERS = {
    "PyTorch's launches": "tests/gpu/test_launching.py",
    "CuPy's launches": "tests/gpu/test_launching_cupy.py",
    "home": "tests/arrays/test_home.py",
}


@functools.cache
def copy() -> Path:
    """Return a copy of the package and its tests, for this process."""
    folder = Path(tempfile.mkdtemp(prefix="gpudict-launches-"))
    atexit.register(shutil.rmtree, folder)
    skipped = shutil.ignore_patterns("__pycache__", "results")
    for part in PARTS:
        make = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        options = {"ignore": skipped} if (ROOT / part).is_dir() else {}
        make(ROOT / part, folder / part, **options)
    return folder


def caught(layer: str, bug: str) -> str:
    """Return "yes" if a test of the layer fails, "." if none does, "–" if none can run here."""
    file = copy() / "gpudict" / BUGS[bug].file
    whole = (ROOT / "gpudict" / BUGS[bug].file).read_text("utf-8")
    assert BUGS[bug].line in whole, f"{file.name} has no line {BUGS[bug].line!r}"
    planted = whole.replace(BUGS[bug].line, BUGS[bug].planted, 1)
    file.write_text(planted, "utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        where = {**os.environ, "PYTHONPATH": str(copy())}
        done = subprocess.run(
            [*command, LAYERS[layer]], cwd=copy(), env=where, capture_output=True, text=True
        )
    finally:
        file.write_text(whole, "utf-8")
    assert done.returncode in (0, 1) or done.returncode < 0, done.stdout + done.stderr
    if done.returncode == 0 and " passed" not in done.stdout:
        return "–"
    return "yes" if done.returncode else "."


def table() -> str:
    """Return the Markdown table."""
    return catching.table(LAYERS, BUGS, caught)


if __name__ == "__main__":
    catching.main(__doc__, BEGIN, END, table)
