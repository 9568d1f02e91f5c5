"""The device that is measured: how arrays get there, how to wait for it, and what it is."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np

PACKAGES = ("gpudict", "torch", "cuda-bindings", "cupy-cuda12x", "cupy-cuda13x", "numpy",
            "scikit-learn", "spams-bin", "array-api-compat",
            "orthogonal-matching-pursuit-gpu")  # fmt: skip


class Absent(LookupError):
    """Something is not here; the sentence says what, and what to do."""


class Device(NamedTuple):
    """A library on a device.

    `move` brings a NumPy array there, `wait` returns when all work there is done, and `torch_name`
    is what PyTorch calls the device, or None if PyTorch can't use it.
    """

    library: str
    move: Callable[[np.ndarray], Any]
    wait: Callable[[], None]
    torch_name: str | None
    facts: dict[str, Any]

    def timed(self, call: Callable[[], Any]) -> Callable[[], Any]:
        """Return the call between two waits for the device, so that a clock around it is right."""

        def between() -> Any:
            self.wait()
            result = call()
            self.wait()
            return result

        return between


def find(library: str, name: str) -> Device:
    """Return the device.

    Raises
    ------
    Absent
        It is not there; the sentence says what is missing.
    """
    if importlib.util.find_spec(library) is None:
        raise Absent(f"{library} is not installed: install it, or pass another --library.")
    if name == "cpu":
        return _cpu()
    return _cupy() if library == "cupy" else _torch()


def _missing(library: str) -> Absent:
    return Absent(
        f"{library} sees no CUDA device, and this measures one: run it where there is a GPU with "
        "its driver, or rehearse it: --device cpu, after --first-contact --rehearse."
    )


def _cpu() -> Device:
    """Return PyTorch on the CPU, for a rehearsal."""
    import torch

    facts = {"name": "cpu", "rehearsal": True, "driver": None, "runtime": None}
    return Device("torch", torch.asarray, lambda: None, "cpu", facts | versions())


def _torch() -> Device:
    import torch

    if not torch.cuda.is_available():
        raise _missing("torch")
    card = torch.cuda.get_device_properties(0)
    facts = {
        "name": card.name,
        "capability": f"{card.major}.{card.minor}",
        "memory": card.total_memory,
        "multiprocessors": card.multi_processor_count,
        "runtime": torch.version.cuda,
        "tf32": torch.backends.cuda.matmul.allow_tf32,
    }
    move = lambda a: torch.asarray(a, device="cuda")  # noqa: E731
    return Device("torch", move, torch.cuda.synchronize, "cuda", facts | driver() | versions())


def _cupy() -> Device:
    import cupy

    if not cupy.cuda.is_available():
        raise _missing("cupy")
    card = cupy.cuda.runtime.getDeviceProperties(0)
    facts = {
        "name": card["name"].decode(),
        "capability": f"{card['major']}.{card['minor']}",
        "memory": card["totalGlobalMem"],
        "multiprocessors": card["multiProcessorCount"],
        "runtime": cupy.cuda.runtime.runtimeGetVersion(),
    }
    wait = cupy.cuda.Device(0).synchronize
    return Device("cupy", cupy.asarray, wait, _name_in_torch(), facts | driver() | versions())


def _name_in_torch() -> str | None:
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    return "cuda" if torch.cuda.is_available() else None


def driver() -> dict[str, Any]:
    """Return what nvidia-smi says of driver, power limit and clock, as it says it."""
    fields = ("driver_version", "power.limit", "clocks.max.sm")
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader", "--id=0"]
    said = None
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    values = [None] * 3 if said is None else [part.strip() for part in said.split(",")]
    return dict(zip(("driver", "power_limit", "clock"), values, strict=False))


def versions() -> dict[str, dict[str, str]]:
    """Return the versions of what takes part and is installed."""
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return {"versions": found}
