"""What learning on a Dask cluster sends, and how long it takes: counted on workers of this machine.

python -m benchmarks.cluster [--workers 1 2 4 8] [--atoms 256] [--features 64] [--rows 40000]
python -m benchmarks.cluster --race [--rows 250000]

Every message of every process is counted as it is written, so also those of Dask itself. The model
beside it is that of benchmarks/SCALING.md. The race is between this process, with a thread for each
core, and as many workers of one thread, in turn, on patches of a photograph.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

import gpudict

WORDS = 16_000  # bytes a step of messages about a worker and its two chunks
written = [0]  # bytes that this process has sent


class Steps(NamedTuple):
    """What was counted of a run: bytes of each step but the first, and of all, and seconds."""

    workers: int
    chunks: int
    bytes: list[int]
    whole: int
    seconds: list[float]
    dictionary: np.ndarray


def count() -> None:
    """Count what this process sends from here on."""
    from distributed.comm.tcp import TCP

    plain = getattr(TCP.write, "plain", TCP.write)

    async def write(self: Any, *arguments: Any, **options: Any) -> int:
        size: int = await plain(self, *arguments, **options)
        written[0] += size or 0
        return size

    write.plain = plain  # type: ignore[attr-defined]
    TCP.write = write  # type: ignore[method-assign]
    written[0] = 0


def sent() -> int:
    """Return the bytes that this process has sent."""
    return written[0]


def model(workers: int, k: int, d: int) -> int:
    """Return the bytes of a step: atoms to each worker, sums from each, and words about both."""
    return workers * ((k * k + 2 * k * d) * 8 + WORDS)


def counted(X: Any, workers: int, k: int, iterations: int, **options: Any) -> Steps:
    """Learn from rows (n, d) on so many worker processes of one thread, and count what is sent."""
    import dask
    import distributed

    marks: list[tuple[int, int]] = []

    def all_sent() -> int:
        return sum(client.run(sent).values()) + sent()

    def watch(_: Any) -> None:
        marks.append((all_sent(), all_sent()))  # to ask sends something, too

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set({"distributed.comm.compression": False})  # zeros count as numbers do
    cluster = distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
    )
    with cluster, distributed.Client(cluster, direct_to_workers=True) as client:
        held = X.persist()
        distributed.wait(held)
        client.run(count)
        count()
        learned = gpudict.learn(held, k, max_iter=iterations, tol=0, callback=watch, **options)
        seconds = [one.seconds for one in learned.history]
        whole = all_sent()
    return Steps(
        workers,
        len(X.chunks[0]),
        [first - before - (before - asked) for (asked, before), (first, _) in pairwise(marks)],
        whole,
        np.diff(seconds).tolist(),
        learned.dictionary,
    )


def raced(n: int, turns: int = 4) -> None:
    """Write the seconds of one process and of its cores as workers, in turn."""
    import dask.array as da
    import distributed

    rows, k = photograph(n), 256
    options = {"alpha": 0.15, "dict_init": rows[:k], "max_iter": 8, "tol": 0}
    workers = os.cpu_count() or 1
    cluster = distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
    )
    with cluster, distributed.Client(cluster, direct_to_workers=True):
        far = da.from_array(rows, chunks=(-(-n // workers), rows.shape[1])).persist()
        distributed.wait(far)
        for x in (rows[:5000], far):  # all is compiled
            gpudict.learn(x, k, **{**options, "max_iter": 2})
        for _ in range(turns):
            seconds, found = [], []
            for x in (rows, far):
                began = time.perf_counter()
                found.append(gpudict.learn(x, k, **options).dictionary)
                seconds.append(time.perf_counter() - began)
            said = {
                "rows": n,
                "one process": round(seconds[0], 2),
                f"{workers} workers": round(seconds[1], 2),
                "times as fast": round(seconds[0] / seconds[1], 2),
                "apart": float(np.abs(found[0] - found[1]).max()),
            }
            print(json.dumps(said), flush=True)


def photograph(n: int) -> np.ndarray:
    """Return n unit-norm 8×8 patches of a photograph, (n, 64)."""
    from sklearn.datasets import load_sample_image
    from sklearn.feature_extraction.image import extract_patches_2d

    grey = load_sample_image("china.jpg").mean(axis=2) / 255
    rows = extract_patches_2d(grey, (8, 8), max_patches=n, random_state=0).reshape(n, 64)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 0.1))


def main(arguments: list[str]) -> None:
    """Count, and write a line of JSON for each number of workers."""
    import dask.array as da

    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--atoms", type=int, default=256)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--race", action="store_true")
    parser.add_argument("--iterations", type=int, default=8)
    asked = parser.parse_args(arguments)
    if asked.race:
        raced(asked.rows or 250_000)
        return
    k, d, n = asked.atoms, asked.features, asked.rows or 40_000
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((k, d)) / np.sqrt(d)
    code = rng.standard_normal((n, k)) * (rng.random((n, k)) < 5 / k)
    X = code @ atoms + 0.05 * rng.standard_normal((n, d))
    for workers in asked.workers:
        far = da.from_array(X, chunks=(-(-n // (2 * workers)), d))
        found = counted(far, workers, k, asked.iterations, alpha=0.3, dict_init=X[:k])
        said = {
            "workers": workers,
            "chunks": found.chunks,
            "atoms": k,
            "features": d,
            "rows": n,
            "bytes a step": int(np.median(found.bytes)),
            "most": max(found.bytes),
            "model": model(workers, k, d),
            "bytes of the rows": X.nbytes,
            "seconds a step": round(float(np.median(found.seconds)), 4),
        }
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    from benchmarks import cluster  # by its name, so that workers have what is counted in it

    cluster.main(sys.argv[1:])
