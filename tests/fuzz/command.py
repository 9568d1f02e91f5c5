"""Fuzz the command line: whatever the words, it is a status, and never a traceback.

    python -m pip install atheris            # of Python 3.11, where there is a wheel
    python -m tests.fuzz.command --minutes 10

An input is the words, a line each. The work itself is left out: the picture is not learned, the
doctor examines nothing, and there are no files of data.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: python -m pip install atheris")

with atheris.instrument_imports(include=["gpudict.tools", "gpudict._writing", "typer"]):
    from gpudict.tools import cli, doctor
    from tests.fuzz.running import run


class Begun(Exception):
    """The work would begin here."""


def begun(*_: Any, **__: Any) -> None:
    """Stand for the work."""
    raise Begun


def one(data: bytes) -> None:
    """Run the command with these words, in a folder of its own."""
    words = [os.fsdecode(word) for word in data.replace(b"\0", b"").split(b"\n")][:12]
    if any("/" in word or ".." in word for word in words):
        return  # it writes where it is told to
    with contextlib.suppress(Begun), contextlib.redirect_stdout(io.StringIO()) as told:
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            status = cli.main(words)
        assert status in (0, 1, 2), (status, words)
        assert said.getvalue().count("\n") == (status > 0), words
        assert bool(told.getvalue()) == (status == 0), words


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.chdir(Path(tempfile.mkdtemp(prefix="gpudict-fuzz-")))
    import gpudict.datasets

    gpudict.datasets.photograph = begun  # type: ignore[assignment]
    doctor.examine = begun  # type: ignore[assignment]
    run("command", __doc__, one)
