"""One pass of online learning over rows on a disk, against the same batches in memory, in turn.

python -m benchmarks.sources [--rows 400000] [--batch 4096] [--turns 3] [--folder FOLDER]
python -m benchmarks.sources --rows 24000000 --turns 1 --kinds memmap files zarr     # 6 GB
python -m benchmarks.sources --rows 24000000 --memory --kinds memmap zarr    # no times: how much

The rows (n, 64) are mixtures of random atoms with noise, in float32, so that nothing is gained by
compression, and nothing ends a pass early. With `--memory` each kind has a process of its own, and
what is told is the most memory that it held and the system can't take back, beyond what it held
after its imports.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import gpudict

D, K, PART = 64, 256, 2**17


def rows(n: int) -> Iterator[np.ndarray]:
    """Yield n rows (·, 64), a part at a time."""
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((K, D)).astype("float32") / 8
    for low in range(0, n, PART):
        m = min(PART, n - low)
        code = rng.standard_normal((m, K), dtype="float32") * (rng.random((m, K)) < 5 / K)
        yield code @ atoms + 0.05 * rng.standard_normal((m, D), dtype="float32")


def _memmap(folder: Path, n: int) -> None:
    made = np.lib.format.open_memmap(folder / "X.npy", "w+", dtype="float32", shape=(n, D))
    _fill(made, n)
    made.flush()


def _files(folder: Path, n: int) -> None:
    for i, part in enumerate(rows(n)):
        np.save(folder / f"{i:04}.npy", part)


def _h5py(folder: Path, n: int) -> None:
    import h5py

    with h5py.File(folder / "X.h5", "w") as file:
        _fill(file.create_dataset("X", (n, D), "float32", chunks=True), n)


def _zarr(folder: Path, n: int) -> None:
    import zarr

    _fill(zarr.create_array(folder / "X.zarr", shape=(n, D), dtype="float32"), n)


def _fill(target: Any, n: int) -> None:
    low = 0
    for part in rows(n):
        target[low : low + len(part)] = part
        low += len(part)


def _opened(kind: str, folder: Path) -> Any:
    """Return what is learned from, a source of a kind."""
    if kind == "files":
        return gpudict.stream(sorted(folder.glob("[0-9]*.npy")))
    if kind == "h5py":
        import h5py

        return h5py.File(folder / "X.h5")["X"]
    if kind == "zarr":
        import zarr

        return zarr.open_array(folder / "X.zarr", mode="r")
    return np.load(folder / "X.npy", mmap_mode="r")


WRITTEN: dict[str, Callable[[Path, int], None]] = {
    "memmap": _memmap,
    "files": _files,
    "h5py": _h5py,
    "zarr": _zarr,
}


def learned(X: Any, batch: int) -> float:
    """Return the seconds of one pass over X."""
    began = time.perf_counter()
    found = gpudict.learn_online(
        X,
        K,
        alpha=0.15,
        batch_size=batch,
        dict_init="data",
        max_iter=1,
        tol=0,
        max_no_improvement=None,
        random_state=0,
    )
    seconds = time.perf_counter() - began
    assert len(found.objective) == -(-X.shape[0] // batch), "a pass ended early"
    return seconds


def held() -> int:
    """Return the bytes of this process that the system can't take back (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


def most_held(kind: str, folder: Path, batch: int, told: Any) -> None:
    """Send the most bytes that were held in a pass, beyond those of the imports."""
    learned(next(rows(2 * K)), K)
    before, most, over = held(), [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            most[0] = max(most[0], held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    learned(_opened(kind, folder), batch)
    over.set()
    watcher.join()
    told.put(most[0] - before)


def raced(kinds: list[str], folder: Path, batch: int, turns: int) -> Iterator[dict[str, Any]]:
    """Yield the seconds of each source and those from memory, medians of turns, and the ratio."""
    X = np.load(folder / "X.npy")
    learned(X[: 4 * K], K)  # all is compiled
    seconds: dict[str, list[float]] = {kind: [] for kind in ["memory", *kinds]}
    for _ in range(turns):
        seconds["memory"].append(learned(X, batch))
        for kind in kinds:
            seconds[kind].append(learned(_opened(kind, folder), batch))
    for kind in kinds:
        ratios = [a / b for a, b in zip(seconds["memory"], seconds[kind], strict=True)]
        yield {
            "source": kind,
            "memory, s": round(float(np.median(seconds["memory"])), 2),
            "source, s": round(float(np.median(seconds[kind])), 2),
            "times as fast": round(float(np.median(ratios)), 3),
            "of": [round(min(ratios), 3), round(max(ratios), 3)],
        }


def told_of_memory(kind: str, folder: Path, batch: int) -> dict[str, Any]:
    """Return the most that a source held, of a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    one = spawn.Process(target=most_held, args=(kind, folder, batch, told))
    one.start()
    most = told.get()
    one.join()
    return {"source": kind, "held, MB": round(most / 1e6)}


def main() -> None:
    """Write a line of JSON for each kind of source."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sources", description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=list(WRITTEN), choices=list(WRITTEN))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--folder", help="where there is space for two copies of the rows")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        for kind in dict.fromkeys(asked.kinds if asked.memory else ["memmap", *asked.kinds]):
            WRITTEN[kind](folder, asked.rows)
        if asked.memory:
            lines = (told_of_memory(kind, folder, asked.batch) for kind in asked.kinds)
        else:
            lines = raced(asked.kinds, folder, asked.batch, asked.turns)
        for line in lines:
            print(json.dumps({"rows": asked.rows, "batch": asked.batch} | line), flush=True)


if __name__ == "__main__":
    main()
