"""Launches beside those that the stand-ins count, and memory beside the package's own count.

    python -m benchmarks.gpu.contact.counted     # write what the stand-ins count into counted.json

The problem is that of the stand-ins, which is small: launches do not depend on the number of rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpudict
from benchmarks.gpu import judged
from benchmarks.gpu.contact import work
from benchmarks.gpu.contact.instruments import Instruments
from benchmarks.gpu.contact.steps import Asked, there, tried
from benchmarks.gpu.devices import Device
from gpudict._writing import write_whole
from gpudict.arrays.door import bytes_each
from gpudict.coding.budget import bytes_a_row, rows_a_batch
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.places import gram_limit

FILE = Path(__file__).with_name("counted.json")
ROWS, ATOMS = 300, 64
MORE, FEW = 1.25, 10  # what a card may launch beyond the count: such a factor, and so many
ROOM = ((50_000, 64, 256), (50_000, 256, 1000), (20_000, 256, 8192), (20_000, 256, 9000))


def found(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield the launches of each part, and the memory of encodes."""
    known = json.loads(FILE.read_text())
    with there(asked) as (device, has):
        for dtype in asked.dtypes:
            for name, call in work.calls(device, ROWS, ATOMS, dtype):
                of = f"{name}, {dtype}"

                def launched(call: Any = call, of: str = of) -> dict[str, Any]:
                    return beside(has.launches(call), known.get(of))

                yield tried(f"launches of {of}", launched)
            for n, d, k in ROOM:
                (n,), (k,) = asked.rows_of(n), asked.atoms_of(k)
                what = f"memory of encode, {n:,} × {d}, k = {k:,}, {dtype}"
                yield tried(what, lambda of=(n, d, k), t=dtype: room(*of, t, device, has))


def beside(measured: dict[str, Any], known: dict[str, int] | None) -> dict[str, Any]:
    """Return the launches with those that the stand-ins count, if they do."""
    if known is None:
        return measured
    names = ("kernels", "to_host")
    few = all(measured[name] <= MORE * known[name] + FEW for name in names)
    return {**measured, "simulated": known, "agrees": few}


def room(n: int, d: int, k: int, dtype: str, device: Device, has: Instruments) -> dict[str, Any]:
    """Return the bytes that an encode takes at most beside X and V, and what the package counts."""
    problem = judged.planted(n, d, k)
    X, V = (device.move(a) for a in problem.cast(dtype))
    request = Request(X, V)
    plan = Plan.of(X, k, L1(problem.alpha), solver="cd", tol=None, max_iter=None)
    rows = min(n, rows_a_batch(request, plan, False))
    fixed = bytes_each(X) * (3 * k * (k if k <= gram_limit(X) else d) + n * k)
    counted = fixed + rows * bytes_a_row(request, plan)
    peak = has.peak(lambda: gpudict.encode(X, V, alpha=problem.alpha))
    return {"rows": rows, **judged.kept(counted, bytes=peak)}


def main() -> None:
    """Write what the stand-ins count."""
    counts, asked = {}, Asked("torch", rehearsal=True)
    with there(asked) as (device, has):
        for dtype in asked.dtypes:
            for name, call in work.calls(device, ROWS, ATOMS, dtype):
                of = has.launches(call)
                counts[f"{name}, {dtype}"] = {n: of[n] for n in ("kernels", "to_host")}
    write_whole(FILE, (json.dumps(counts, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
