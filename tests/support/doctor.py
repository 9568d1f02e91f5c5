"""`gpudict doctor`, run as a user does and in this process, and devices that are made up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gpudict
from gpudict.arrays.backends import named
from gpudict.arrays.backends._contract import Device, Devices
from gpudict.tools import cli

NUMPY = named("numpy")


def seen(*names: str, lacks: str = "", memory=None):
    """Return what a row has for `devices`: these, all of them NumPy's host."""
    return lambda: Devices(tuple(Device(name, "a card", memory) for name in names), lacks)


def run(*arguments: str, path: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with this folder of modules before all others."""
    first = os.pathsep.join(filter(None, [path, str(Path(gpudict.__file__).parent.parent)]))
    environment = {**os.environ, "PYTHONPATH": first, **environment}
    command = [sys.executable, "-m", "gpudict", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def answer(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process: status, what it said, what it complained of."""
    status = cli.main(["doctor", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err
