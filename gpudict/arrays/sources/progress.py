"""A bar with the rate of what is read, on a terminal, once that has taken longer than a second."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

AFTER = 1.0  # seconds
busy: list[object] = []  # who draws: two bars at once would draw over each other


Batch = tuple[Any, Any]  # what it is called, and its rows


def shown(batches: Iterator[Batch], row_bytes: int, n: int) -> Iterator[Batch]:
    """Yield batches of n rows in all, of so many bytes each, and draw how far they are.

    Nothing is drawn where stderr is no terminal, rich is not installed, another bar is drawn, or
    GPUDICT_PROGRESS=0 is in the environment.
    """
    return _shown(batches, row_bytes, n) if wanted() else batches


def wanted() -> bool:
    """Whether there is somebody to draw for, and something to draw with."""
    if os.environ.get("GPUDICT_PROGRESS") == "0" or not sys.stderr.isatty():
        return False
    return importlib.util.find_spec("rich") is not None


def _shown(batches: Iterator[Batch], row_bytes: int, n: int) -> Iterator[Batch]:
    began, bar, done = time.perf_counter(), None, 0
    try:
        for batch in batches:
            if bar is None and not busy and time.perf_counter() - began > AFTER:
                bar = _bar(n * row_bytes)
            yield batch
            done += batch[1].shape[0] * row_bytes
            if bar is not None:
                bar.update(bar.task_ids[0], completed=done)
    finally:
        if bar is not None:
            bar.stop()
            busy.remove(bar)


def _bar(total: int) -> Any:
    """Return a bar that is drawn, and gone once it is stopped."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("reading"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("", total=total)
    busy.append(bar)
    bar.start()
    return bar
