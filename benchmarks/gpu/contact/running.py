"""A step in a process of its own: its findings, how it ended, and the line that says so.

The process writes what it finds into a file, a JSON object a line, so that nothing that libraries
print gets between; its output is kept apart. It leads a session of its own, so that at its limit it
is killed with all that it started.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.contact.steps import Asked, Step, named
from benchmarks.gpu.devices import Absent

MODULE = "benchmarks.gpu.contact.running"
PATIENCE = 2  # seconds for a killed process to go, which a driver may keep
TAIL = 2000  # letters of its output that are kept where it did not pass
PASSED, WRONG, NOT = "passed", "wrong", "could not"


def line(step: Step, command: list[str]) -> dict[str, Any]:
    """Run the command, with the file for its findings as its last argument; return the line."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place, output = Path(folder) / "found", Path(folder) / "said"
        place.touch()
        code = _ended([*command, str(place)], output, step.limit)
        found, rubbish = _read(place.read_text("utf-8", "replace"))
        said = _end(output)
    status = _status(code, found, rubbish)
    seconds = round(time.monotonic() - began, 2)
    made = {"step": step.name, "status": status, "seconds": seconds, "limit": step.limit}
    reasons = {f.get("what", step.name): f["could_not"] for f in found if "could_not" in f}
    made |= {"found": [f for f in found if "could_not" not in f], "could_not": reasons}
    return made if status in (PASSED, NOT) else {**made, "said": said}


def _ended(command: list[str], output: Path, limit: float) -> int | None:
    """Return the exit code, None where it was killed at its limit."""
    with output.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    code: int | None = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(limit)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it has left behind
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    return code


def _end(output: Path) -> str:
    """Return the last letters of a file, which may be long."""
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - TAIL))
        return file.read().decode("utf-8", "replace")


def _read(text: str) -> tuple[list[dict[str, Any]], int]:
    """Return the findings, and how many lines are none."""
    found, rubbish = [], 0
    for written in text.splitlines():
        try:
            thing = json.loads(written)
        except ValueError:
            thing = None
        if isinstance(thing, dict):
            found.append(thing)
        else:
            rubbish += 1
    return found, rubbish


def _status(code: int | None, found: list[dict[str, Any]], rubbish: int) -> str:
    """Say how a step ended, in a word or two."""
    if code is None:
        return "killed at its limit"
    if code < 0:
        return f"died of {signal.Signals(-code).name}"
    if code:
        return f"ended with {code}"
    if rubbish or not found:
        return "rubbish"
    if any("raised" in f or f.get("agrees") is False for f in found):
        return WRONG
    return NOT if all("could_not" in f for f in found) else PASSED


def command(step: Step, asked: Asked) -> list[str]:
    """Return the command that runs a step."""
    return [sys.executable, "-m", MODULE, step.name, json.dumps(asked._asdict())]


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers that are none become words."""
    if isinstance(value, dict):
        return {str(name): plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    value = value.item() if hasattr(value, "item") else value
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def main(name: str, asked: str, place: str) -> None:
    """Run a step here, and write what it finds as it comes."""
    with Path(place).open("a", encoding="utf-8") as file:
        try:
            for thing in named(name).found(Asked(**json.loads(asked))):
                print(json.dumps(plain(thing), allow_nan=False), file=file, flush=True)
        except Absent as why:
            print(json.dumps({"could_not": str(why)}), file=file, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
