"""One pass of online learning over rows on a disk, against the same batches in memory, in turn.

python -m benchmarks.sources [--rows 400000] [--batch 4096] [--turns 3] [--folder FOLDER]
python -m benchmarks.sources --rows 24000000 --turns 1 --kinds memmap files zarr     # 6 GB
python -m benchmarks.sources --rows 24000000 --memory --kinds memmap zarr    # no times: how much

The rows (n, 64) are mixtures of random atoms with noise, in float32, so that nothing is gained by
compression. With `--memory` each kind has a process of its own, and what is told is the most memory
that it held and the system can't take back, beyond what it held after its imports.
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
    gpudict.learn_online(
        X, K, alpha=0.15, batch_size=batch, dict_init="data", max_iter=1, random_state=0
    )
    return time.perf_counter() - began


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


def raced(kind: str, folder: Path, batch: int, turns: int) -> dict[str, Any]:
    """Return the seconds from memory and from a source, medians of turns, and their ratio."""
    X = np.load(folder / "X.npy")
    learned(X[: 4 * K], K)  # all is compiled
    seconds = [(learned(X, batch), learned(_opened(kind, folder), batch)) for _ in range(turns)]
    memory, source = np.median(seconds, axis=0)
    ratios = [round(a / b, 3) for a, b in seconds]
    said = {"memory, s": round(memory, 2), "source, s": round(source, 2)}
    return {**said, "times as fast": float(np.median(ratios)), "of": [min(ratios), max(ratios)]}


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
        if not asked.memory:
            _memmap(folder, asked.rows)
        for kind in asked.kinds:
            if asked.memory or kind != "memmap":
                WRITTEN[kind](folder, asked.rows)
            said: dict[str, Any] = {"source": kind, "rows": asked.rows, "batch": asked.batch}
            if asked.memory:
                spawn = multiprocessing.get_context("spawn")
                told = spawn.Queue()
                one = spawn.Process(target=most_held, args=(kind, folder, asked.batch, told))
                one.start()
                said["held, MB"] = round(told.get() / 1e6)
                one.join()
            else:
                said |= raced(kind, folder, asked.batch, asked.turns)
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
