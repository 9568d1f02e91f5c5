"""What stands for a card: the simulated device, with kernels behind a driver that is none.

The package runs as it would on a card, the real compiler compiles, and the kernels run on the CPU.
Launches and memory are counted, not measured; seconds are those of the host and mean nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.gpu.contact.instruments import SHARE, Instruments
from benchmarks.gpu.devices import Absent, Device, versions

SIDE = 77  # a stream
MEMORY = 8e9  # bytes of the device


@contextlib.contextmanager
def there() -> Iterator[tuple[Device, Instruments]]:
    """Provide the device and its instruments.

    Raises
    ------
    Absent
        Something that stands for a card is not here.
    """
    try:
        import cuda.bindings  # noqa: F401

        from benchmarks.standins import cuda_type, warps
        from benchmarks.standins.driver import driver
        from benchmarks.standins.simulated import simulated, to_device
    except ImportError as why:
        raise Absent(f"{why}: python -m pip install '.[layers]' for a rehearsal") from why
    if warps.COMPILER is None:
        raise Absent("a rehearsal runs the kernels through g++ on x86-64, which is not here")
    stream = [0]
    facts = {"name": "stand-in", "rehearsal": True, "driver": None, "runtime": None}
    device = Device("torch", to_device, lambda: None, "cpu", facts | versions())
    try:
        with simulated(MEMORY) as counts, driver(streams=lambda d: stream[0]):
            yield device, _instruments(counts, stream)
    except cuda_type.Unavailable as why:
        raise Absent(str(why)) from why


def _instruments(counts: Any, stream: list[int]) -> Instruments:
    def seconds(call: Callable[[], Any]) -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    def launches(call: Callable[[], Any]) -> dict[str, Any]:
        mark = len(counts.log)
        call()
        found = counts.since(mark)
        return {"kernels": found.launches, "to_host": len(found.to_host), "names": {}}

    def peak(call: Callable[[], Any]) -> int:
        before = counts.alive.peak = counts.alive.now
        call()
        return int(counts.alive.peak - before)

    @contextlib.contextmanager
    def side() -> Iterator[None]:
        stream[0] = SIDE
        try:
            yield
        finally:
            stream[0] = 0

    @contextlib.contextmanager
    def scarce() -> Iterator[None]:
        counts.alive.limit = SHARE * MEMORY
        try:
            yield
        finally:
            counts.alive.limit = MEMORY

    lacks = {"sparse": "sparse tensors are not simulated"}
    lacks["inference mode"] = "simulated tensors can't be made there"
    return Instruments(seconds, launches, peak, side, scarce, lacks, repeats=1)
