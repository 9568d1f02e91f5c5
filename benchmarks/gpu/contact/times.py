"""The seconds of the package's parts, by events of the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.contact import work
from benchmarks.gpu.contact.steps import Asked, there, tried


def found(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield the median, least and most seconds of each part."""
    (n,), (k,) = asked.rows_of(work.N), asked.atoms_of(work.K)
    with there(asked) as (device, has):
        for dtype in asked.dtypes:
            of = f"{n:,} × {work.D}, k = {k}, {dtype}"
            for name, call in work.calls(device, n, k, dtype):
                yield tried(f"{name}, {of}", lambda call=call: has.timed(call))
