"""What learning on a Dask cluster sends, and how long it takes: counted on workers of this machine.

python -m benchmarks.cluster [--workers 1 2 4 8] [--atoms 256] [--features 64] [--rows 40000]

Every message of every process is counted as it is written, so also those of Dask itself. The model
beside it is that of benchmarks/SCALING.md. Seconds are those of as many workers as this machine has
cores, at most.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

import gpudict

CHUNK_BYTES = 4096  # of messages about a chunk of rows, at most, in a step
STEP_BYTES = 2**15  # of messages of a step beside them
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


def model(workers: int, chunks: int, k: int, d: int) -> int:
    """Return the bytes of a step: atoms to each worker, sums from each, and words about both."""
    return workers * (k * k + 2 * k * d) * 8 + CHUNK_BYTES * chunks + STEP_BYTES


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


def main(arguments: list[str]) -> None:
    """Count, and write a line of JSON for each number of workers."""
    import dask.array as da

    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--atoms", type=int, default=256)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--iterations", type=int, default=8)
    asked = parser.parse_args(arguments)
    k, d, n = asked.atoms, asked.features, asked.rows
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
            "model": model(workers, found.chunks, k, d),
            "bytes of the rows": X.nbytes,
            "seconds a step": round(float(np.median(found.seconds)), 4),
        }
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    from benchmarks import cluster  # by its name, so that workers have what is counted in it

    cluster.main(sys.argv[1:])
