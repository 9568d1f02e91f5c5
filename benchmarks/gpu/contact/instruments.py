"""What is measured on a card: time by events, launches by CUPTI, memory by the allocator."""

from __future__ import annotations

import collections
import contextlib
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.gpu.devices import Absent, Device
from benchmarks.race import measure

Call = Callable[[], Any]
FEW = 3  # times that a call is timed which others take long for
SHARE = 0.05  # of the memory, where it is scarce


class Instruments(NamedTuple):
    """What a library offers to look at its device.

    Attributes
    ----------
    seconds : those of a call, by events of the device around it
    launches : "kernels" and "to_host", how many a call starts, and the `names` of the kernels
    peak : bytes that a call takes at most beside what was there
    side : the context of a stream that is not the default
    scarce : the context in which the library has `SHARE` of the memory
    lacks : why something can't be had, by its name
    repeats : how often a call is timed
    """

    seconds: Callable[[Call], float]
    launches: Callable[[Call], dict[str, Any]]
    peak: Callable[[Call], int]
    side: Callable[[], AbstractContextManager[Any]]
    scarce: Callable[[], AbstractContextManager[Any]]
    lacks: Mapping[str, str] = MappingProxyType({})
    repeats: int = 7

    def timed(self, call: Call) -> dict[str, float]:
        """Return the median, least and most seconds of calls, after one that does not count."""
        call()
        return _spread([self.seconds(call) for _ in range(self.repeats)])

    def raced(self, device: Device, call: Call) -> tuple[Any, dict[str, float]]:
        """Return what a call does, and its seconds by the host's clock between waits.

        That sees the work of any library.
        """
        between = device.timed(call)
        result, seconds = between(), []
        for _ in range(min(self.repeats, FEW)):
            result, took = measure.once(between)
            seconds.append(took)
        return result, _spread(seconds)


def _spread(seconds: list[float]) -> dict[str, float]:
    return {"seconds": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}


def of(library: str) -> Instruments:
    """Return the instruments of a library."""
    return _cupy() if library == "cupy" else _torch()


def _torch() -> Instruments:
    import torch

    def seconds(call: Call) -> float:
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        first.record()
        call()
        last.record()
        last.synchronize()
        return float(first.elapsed_time(last)) / 1e3

    def peak(call: Call) -> int:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return int(torch.cuda.max_memory_allocated()) - before

    @contextlib.contextmanager
    def scarce() -> Iterator[None]:
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(SHARE)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)

    return Instruments(
        seconds, launches, peak, lambda: torch.cuda.stream(torch.cuda.Stream()), scarce
    )


def launches(call: Call) -> dict[str, Any]:
    """Count by PyTorch's profiler, which sees the kernels of every library of the process."""
    try:
        import torch
        from torch.autograd import DeviceType
        from torch.profiler import ProfilerActivity, profile
    except ImportError as why:
        raise Absent(f"launches are counted by PyTorch's profiler: {why}") from why
    if not torch.cuda.is_available():
        raise Absent("launches are counted by PyTorch's profiler, and PyTorch sees no CUDA device")
    call()  # what is loaded at first use does not count
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        call()
        torch.cuda.synchronize()
    names = [e.name for e in seen.events() if e.device_type == DeviceType.CUDA]
    kernels = [n for n in names if not n.startswith(("Memcpy", "Memset"))]
    most = collections.Counter(kernels).most_common(8)
    return {
        "kernels": len(kernels),
        "to_host": sum(n.startswith("Memcpy DtoH") for n in names),
        "names": {name[:80]: count for name, count in most},
    }


def _cupy() -> Instruments:
    import cupy

    pool = cupy.get_default_memory_pool()

    def seconds(call: Call) -> float:
        first, last = cupy.cuda.Event(), cupy.cuda.Event()
        cupy.cuda.Device().synchronize()
        first.record()
        call()
        last.record()
        last.synchronize()
        return float(cupy.cuda.get_elapsed_time(first, last)) / 1e3

    def peak(call: Call) -> int:
        pool.free_all_blocks()
        before = pool.total_bytes()
        call()
        return int(pool.total_bytes()) - before  # it gives nothing back unasked

    @contextlib.contextmanager
    def scarce() -> Iterator[None]:
        pool.free_all_blocks()
        pool.set_limit(fraction=SHARE)
        try:
            yield
        finally:
            pool.set_limit(size=0)

    return Instruments(seconds, launches, peak, cupy.cuda.Stream, scarce)
