"""A soak: an hour of what users do in one process, whose memory must not grow.

python -m tests.soak --minutes 60

Resident memory, open files and threads are read every second, between two tasks. After the
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
from array import array
from pathlib import Path

import numpy as np

from tests.soak.tasks import TASKS, digest

MOST = 1.0  # MB an hour
PAGE, MB, WIDTH = resource.getpagesize(), 2**20, 5


def sample(began: float) -> tuple[float, ...]:
    """Return minutes, and what the process holds: MB, files, threads, thousands of blocks."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(os.listdir("/proc/self/fd"))
    minutes = (time.monotonic() - began) / 60
    blocks = sys.getallocatedblocks() / 1000
    return minutes, pages * PAGE / MB, files, threading.active_count(), blocks


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


def soak(minutes: float, every: float, seed: int, folder: Path) -> tuple[int, np.ndarray]:
    """Repeat the tasks in a random order; return how many were done, and a row a sample."""
    rng, began = np.random.default_rng(seed), time.monotonic()
    done, kept = 0, array("d", sample(began))  # as numbers: an object each would leak
    while (last := (time.monotonic() - began) / 60) < minutes:
        task = TASKS[rng.integers(len(TASKS))]
        assert all(np.isfinite(a).all() for a in map(np.asarray, task(rng, folder))), task
        done += 1
        if 60 * (last - kept[-WIDTH]) >= every:
            now = sample(began)
            if int(now[0]) > int(kept[-WIDTH]):
                sys.stderr.write(f"{done} done, {', '.join(f'{v:.4g}' for v in now)}\n")
            kept.extend(now)
    return done, np.asarray(kept).reshape(-1, WIDTH)


def judged(samples: np.ndarray, warm_up: float) -> tuple[str, list[str]]:
    """Return the figures in a line, and what is wrong."""
    t, memory, files, threads, blocks = samples[samples[:, 0] >= warm_up].T
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
    ask.add_argument("--every", type=float, default=1, help="seconds between two samples")
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
