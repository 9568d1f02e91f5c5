"""A bar for each stage of a command, on a terminal, once that has taken longer than a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gpudict.arrays.sources import progress

Report = Callable[[str, int, int], None]  # (stage, steps done, steps in all)


@contextmanager
def bars() -> Iterator[Report]:
    """Give what stages are reported to; they are drawn on standard error, and gone at the end."""
    if not progress.wanted():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    drawn = Progress(*columns, console=Console(stderr=True), transient=True)
    later = threading.Timer(progress.AFTER, drawn.start)
    stages: dict[str, Any] = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in stages:
            stages[stage] = drawn.add_task(stage, total=total)
        drawn.update(stages[stage], completed=done, total=total)

    progress.busy.append(drawn)  # what is read meanwhile draws none
    later.daemon = True
    later.start()
    try:
        yield report
    finally:
        later.cancel()
        later.join()
        drawn.stop()
        progress.busy.remove(drawn)
