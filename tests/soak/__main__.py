"""A soak: an hour of what users do in one process, whose memory must not grow.

python -m tests.soak --minutes 60

Resident memory, open files and threads are read every few seconds, between two tasks. After the
warm-up, in which caches fill and the allocator finds its size, a line is fitted to the memory,
minute by minute. It exits 1 if the line rises by a MB an hour or more, if files or threads are
left open, if a task fails, or if the same seed gives other bits in the end than at the start.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.soak.tasks import TASKS, digest

MOST = 1.0  # MB an hour
PAGE, MB = resource.getpagesize(), 2**20


class Sample(NamedTuple):
    """What the process holds at a time: MB, open files, threads, Python's blocks in thousands."""

    minutes: float
    memory: float
    files: int
    threads: int
    blocks: float

    @classmethod
    def now(cls, began: float) -> Sample:
        """Look at this process, as Linux shows it."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(os.listdir("/proc/self/fd"))
        blocks = sys.getallocatedblocks() / 1000
        minutes = (time.monotonic() - began) / 60
        return cls(minutes, pages * PAGE / MB, files, threading.active_count(), blocks)


def slope(minutes: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the slope an hour of a line through the means of each minute, and its standard error.

    Neighbouring samples share the allocator's state, so a minute counts as one.
    """
    bins = np.unique(np.floor(minutes), return_inverse=True)[1]
    count = np.bincount(bins)
    t, y = (np.bincount(bins, a) / count for a in (minutes / 60, values))
    if len(t) < 3:
        return float("nan"), float("nan")
    t, y = t - t.mean(), y - y.mean()
    rise = t @ y / (t @ t)
    return float(rise), float(np.sqrt(((y - rise * t) ** 2).sum() / (len(t) - 2) / (t @ t)))


def soak(minutes: float, every: float, seed: int, folder: Path) -> tuple[int, list[Sample]]:
    """Repeat the tasks in a random order; return how many were done, and the samples."""
    rng, began = np.random.default_rng(seed), time.monotonic()
    done, samples = 0, [Sample.now(began)]
    while time.monotonic() - began < 60 * minutes:
        task = TASKS[rng.integers(len(TASKS))]
        assert all(np.isfinite(a).all() for a in map(np.asarray, task(rng, folder))), task
        done += 1
        if time.monotonic() - began - 60 * samples[-1].minutes >= every:
            samples.append(Sample.now(began))
            if int(samples[-1].minutes) > int(samples[-2].minutes):
                sys.stderr.write(f"{done} done, {samples[-1]}\n")
    return done, samples


def judged(samples: list[Sample], warm_up: float) -> tuple[str, list[str]]:
    """Return the figures in a line, and what is wrong."""
    warm = [s for s in samples if s.minutes >= warm_up]
    t, memory, files, threads, blocks = (np.asarray(a, float) for a in zip(*warm, strict=True))
    rise, error = slope(t, memory)
    more, more_error = slope(t, blocks)
    wrong = []
    if not rise < MOST:
        wrong.append(f"memory rises by {rise:.2f} MB an hour, and {MOST} is the most")
    if files[-1] > files[0] or threads[-1] > threads[0]:
        wrong.append("files or threads were left open")
    figures = (
        f"{rise:+.2f} ± {error:.2f} MB an hour (from {memory[0]:.1f} to {memory[-1]:.1f} MB), "
        f"Python's blocks {more:+.2f} ± {more_error:.2f} thousand an hour, files {files[0]:.0f} to "
        f"{files[-1]:.0f}, threads {threads[0]:.0f} to {threads[-1]:.0f}"
    )
    return figures, wrong


def main() -> int:
    """Soak, say what came of it, and return the exit code."""
    ask = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    ask.add_argument("--minutes", type=float, default=60)
    ask.add_argument("--warm-up", type=float, default=10, help="minutes that are not judged")
    ask.add_argument("--every", type=float, default=5, help="seconds between two samples")
    ask.add_argument("--seed", type=int, default=0)
    asked = ask.parse_args()
    warnings.simplefilter("ignore")  # short fits do not converge
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = [digest(task, folder) for task in TASKS]
        done, samples = soak(asked.minutes, asked.every, asked.seed, folder)
        same = first == [digest(task, folder) for task in TASKS]
    figures, wrong = judged(samples, asked.warm_up)
    wrong += [] if same else ["the same seed gives other bits than at the start"]
    lines = [
        f"{time.strftime('%Y-%m-%d')}: {done} iterations in {asked.minutes:g} minutes, "
        f"{asked.warm_up:g} of them warm-up: {figures}.",
        *(f"Wrong: {what}." for what in wrong),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong else 0


sys.exit(main())
