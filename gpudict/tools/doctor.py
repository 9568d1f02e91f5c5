"""What works on this machine: versions, devices, and a tiny lasso solved on each of them.

Nothing that a library does ends the examination: what it raises becomes a sentence. A library that
is absent, or sees no device, fails only those who asked for it; one that breaks fails always.
`examine` looks, `failures` judges, `lines` and `as_json` tell.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import platform
import warnings
from typing import Any, NamedTuple

from gpudict._version import __version__
from gpudict.arrays.backends import rows
from gpudict.arrays.backends._contract import Backend, Device, Devices
from gpudict.solvers import places
from gpudict.tools.probe import Solve, sentence, solved


class Library(NamedTuple):
    """What was found of one array library.

    Attributes
    ----------
    name, version : its row, and its version where it could be imported
    solves : a Solve for each device examined
    lacks : why it has no device, or no GPU, or is not there; empty where there is nothing to say
    broken : whether it is there and can't be used; `lacks` says why
    """

    name: str
    version: str = ""
    solves: tuple[Solve, ...] = ()
    lacks: str = ""
    broken: bool = False


class Report(NamedTuple):
    """All that was found, and what was asked for: a library and a device, or None for all."""

    versions: dict[str, str]
    compiled: str
    libraries: tuple[Library, ...]
    backend: str | None
    device: str | None


def examine(backend: str | None = None, device: str | None = None) -> Report:
    """Examine the libraries of the table, or one of them, on all their devices or on one.

    Parameters
    ----------
    backend : str, optional
        The name of a library whose row has devices.
    device : str, optional
        A device, in the library's own words; with `backend` also one that it does not list.

    Returns
    -------
    Report
    """
    asked = [row for row in rows() if row.devices and backend in (None, row.name)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters of them, the rows say
        found = tuple(_library(row, device, backend is not None) for row in asked)
    return Report(_versions(), _compiled(), found, backend, device)


def on_gpu(report: Report) -> tuple[Library, Solve] | None:
    """Return the first solve that succeeded on a GPU, and its library."""
    pairs = ((found, solve) for found in report.libraries for solve in found.solves)
    return next((pair for pair in pairs if pair[1].gpu and not pair[1].trouble), None)


def failures(report: Report, *, require_gpu: bool = False) -> list[str]:
    """Return a sentence for each thing that was asked for and does not work."""
    wrong = []
    for found in report.libraries:
        if found.broken or (report.backend and not found.solves):
            wrong.append(f"{found.name}: {found.lacks}.")
        wrong += [
            f"{found.name} on {s.device.name}: {s.trouble}." for s in found.solves if s.trouble
        ]
    if report.device and not report.backend and not any(f.solves for f in report.libraries):
        wrong.append(f"No library here sees the device {report.device}.")
    if require_gpu and on_gpu(report) is None:
        reasons = [f"{found.name}: {found.lacks}." for found in report.libraries if found.lacks]
        wrong.append("No solve succeeded on a GPU.")
        wrong += [reason for reason in reasons if reason not in wrong]
    return wrong


def lines(report: Report) -> list[tuple[str, str]]:
    """Return what there is to say: (name, text), in the order to say it."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    said = [("versions", versions), ("kernels of the host", report.compiled)]
    for found in report.libraries:
        said.append((found.name, found.version or found.lacks))
        said += [(f"  {solve.device.name}", _outcome(solve)) for solve in found.solves]
        if found.version and found.lacks:
            said.append(("", found.lacks))
    gpu = on_gpu(report)
    if gpu is not None:
        said.append(("GPU", f"{gpu[0].name} computes on {_named(gpu[1].device)}"))
    return said


def as_json(report: Report, wrong: list[str]) -> dict[str, Any]:
    """Return the report, with what is wrong, in what JSON has; no number is None."""
    gpu = on_gpu(report)
    return {
        "versions": report.versions,
        "compiled": report.compiled,
        "libraries": [
            {
                "name": found.name,
                "version": found.version or None,
                "lacks": found.lacks or None,
                "broken": found.broken,
                "devices": [_solve_as_json(solve) for solve in found.solves],
            }
            for found in report.libraries
        ],
        "gpu": None if gpu is None else {"library": gpu[0].name, **_solve_as_json(gpu[1])},
        "failures": wrong,
    }


def _solve_as_json(solve: Solve) -> dict[str, Any]:
    free, total = solve.device.memory or (None, None)
    return {
        "device": solve.device.name,
        "about": solve.device.about,
        "memory_free": free,
        "memory_total": total,
        "gpu": solve.gpu,
        "solver": solve.solver,
        "gap": solve.gap if math.isfinite(solve.gap) else None,
        "difference": solve.difference if math.isfinite(solve.difference) else None,
        "trouble": solve.trouble or None,
    }


def _named(device: Device) -> str:
    free, total = device.memory or (None, None)
    memory = "" if total is None else f"{total / 2**30:.1f} GiB"
    memory = memory if free is None else f"{free / 2**30:.1f} of {memory} free"
    return ", ".join(word for word in (device.name, device.about, memory) if word)


def _outcome(solve: Solve) -> str:
    about = _named(solve.device).removeprefix(solve.device.name).removeprefix(", ")
    outcome = solve.trouble or (
        f"works by {solve.solver}, largest gap {solve.gap:.0e} of half a squared norm, "
        f"codes within {solve.difference:.0e} of NumPy's"
    )
    return f"{about}: {outcome}" if about else outcome


def _versions() -> dict[str, str]:
    def version(name: str) -> str:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return "not installed"

    needed = {name: version(name) for name in ("numpy", "scikit-learn", "numba")}
    return {"gpudict": __version__, "python": platform.python_version(), **needed}


def _compiled() -> str:
    if not places.allowed():
        return "off, by GPUDICT_KERNELS=portable"
    try:
        return "on" if places.numba_works() else "off, for numba can't be imported"
    except Exception as error:
        return f"broken: {sentence(error)}"


def _library(row: Backend, device: str | None, named: bool) -> Library:
    """Return what there is to know of one library; nothing that it raises gets out."""
    blank = Library(row.name)
    try:
        if importlib.util.find_spec(row.requires) is None:
            return blank._replace(lacks=f"not installed; install it with: {row.install}")
        found = blank._replace(version=str(importlib.import_module(row.requires).__version__))
        there = row.devices() if row.devices else Devices(())
    except Exception as error:
        return blank._replace(
            lacks=f"can't be used, {sentence(error)}; install it anew with: {row.install}",
            broken=True,
        )
    chosen = [d for d in there.seen if device in (None, d.name)]
    if device and named and not chosen:
        chosen = [Device(device)]
    solves = tuple(solved(row.name, d) for d in chosen)
    lacks = there.lacks if device is None else "" if solves else f"no device {device}"
    return found._replace(solves=solves, lacks=lacks)
