"""The command where its streams are closed, full or cut, and where it is interrupted."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gpudict
from gpudict.tools import cli

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shell is POSIX's")

COMMAND = f"{sys.executable} -W error -m gpudict"
DOCTOR = f"{COMMAND} doctor --backend numpy"
CLOSED = "gpudict: Standard output is closed. Leave it open, or lead it to a file.\n"
FULL = (
    "gpudict: Standard output can't be written to: No space left on device. "
    "Lead it to another place.\n"
)
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def shell(line: str, **environment: str) -> tuple[int, str]:
    """Run a line in a shell; return the status of its first command, and what was complained of."""
    first = str(Path(gpudict.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": first, **environment}
    command = ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("line", "status", "complaint"),
    [
        (f"{DOCTOR} >&-", 1, CLOSED),
        (f"{DOCTOR} --json >&- 2>&-", 1, ""),
        (f"{COMMAND} demo >&-", 1, CLOSED),
        pytest.param(f"{DOCTOR} > /dev/full", 1, FULL, marks=needs_full),
        pytest.param(f"{DOCTOR} --json > /dev/full", 1, FULL, marks=needs_full),
        pytest.param(f"{DOCTOR} --device no 2> /dev/full", 1, "", marks=needs_full),
        pytest.param(f"{COMMAND} --help > /dev/full", 1, FULL, marks=needs_full),
        (f"{DOCTOR} | true", 141, ""),
        (f"{COMMAND} --version | exec true", 141, ""),
        (f"{COMMAND} nothing 2>&-", 2, ""),
    ],
)
def test_streams_that_fail(line, status, complaint):
    """A sentence where one can be said, the status always, and no traceback."""
    if "true" in line:  # which is gone before anything is said
        line = line.replace(COMMAND, f"(sleep 0.3; exec {COMMAND}", 1).replace(" |", ") |", 1)
    # what can't be written is seen at once where there is no buffer, and else at the end
    for unbuffered in [""] if "doctor" in line else ["", "1"]:
        assert shell(line, PYTHONUNBUFFERED=unbuffered) == (status, complaint)


def test_letters_that_a_terminal_does_not_have():
    script = "import gpudict.tools.commands.telling as t, gpudict.tools.streams as s; "
    script += "s.status_of(lambda: t.show([('×', '½')]) or 0)"
    line = f'{sys.executable} -c "{script}" | grep -q "^?  ?$"'
    assert shell(line, PYTHONIOENCODING="ascii") == (0, "")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("nowhere/x.png", "there is no folder"),
        ("", "it is a folder"),
        ("file/x.png", "Not a directory"),
        ("n" * 300, "File name too long"),
        ("round", "symbolic links"),
    ],
)
def test_the_place_is_looked_at_first(output, words, tmp_path, monkeypatch, capsys):
    """Before the work, which is not begun; what is there is left alone."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "round").symlink_to("round")
    monkeypatch.setattr("gpudict.datasets.photograph", lambda: pytest.fail("the work was begun"))
    assert cli.main(["demo", "--output", str(tmp_path / output)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("gpudict: The picture can't be written to ")
    assert words in said
    assert said.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "round"]


@pytest.mark.parametrize(
    ("raised", "status", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "x.png: No space left on device."),
        (MemoryError("Unable to allocate 8 EiB"), 1, "The memory is not enough. Unable to"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_fails_once_the_work_is_done(raised, status, words, tmp_path, monkeypatch, capsys):
    from gpudict.tools import demo, picture

    def failing(*_):
        raise raised

    outcome = demo.Outcome(*[None] * len(demo.Outcome._fields))
    monkeypatch.setattr(demo, "denoising", lambda *_: outcome)
    monkeypatch.setattr(picture, "denoising_figure", lambda *_, **__: None)
    monkeypatch.setattr(picture, "save", failing)
    assert cli.main(["demo", "--output", str(tmp_path / "x.png")]) == status
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "gpudict:" in line] == said[-1:] * bool(words)
    assert words in (said or [""])[-1]


INTERRUPTED = """
import sys
from gpudict.__main__ import main
sys.argv = ["gpudict", "demo", "--output", sys.argv[1]]
print("began", flush=True)
raise SystemExit(main())
"""


def test_interrupted(tmp_path):
    """At any moment: while it imports, compiles, learns or writes."""
    rng = random.Random(0)
    environment = {**os.environ, "PYTHONPATH": str(Path(gpudict.__file__).parent.parent)}
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "x.png")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    for longest in (0.1, 0.5, 1.5, 4):
        with subprocess.Popen(command, env=environment, **pipes) as child:
            assert child.stdout.readline() == "began\n"
            time.sleep(rng.uniform(0.05, longest))
            child.send_signal(signal.SIGINT)
            _, complaint = child.communicate(timeout=60)
        assert child.returncode == 130
        assert "Traceback" not in complaint
        assert "KeyboardInterrupt" not in complaint
    assert not list(tmp_path.iterdir())
