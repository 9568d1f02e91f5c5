"""How long the first use of each compiled solver takes: with an empty cache, and with a full one.

    python -m benchmarks.race.compiling

Two processes, one after the other, share a cache of Numba's that is thrown away; each line has the
seconds of one's first calls, the import of Numba in the first of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import numpy as np


def first_calls() -> str:
    """Time the first call of each kind in this process, on data too small to matter."""
    import gpudict

    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((50, 16)), rng.standard_normal((32, 16))
    calls = {
        "lasso": lambda: gpudict.encode(X, V, alpha=0.3),
        "omp": lambda: gpudict.encode(X, V, n_nonzero_coefs=3),
        "learn": lambda: gpudict.learn(X, 8, alpha=0.3, max_iter=1),
    }
    seconds = []
    for name, call in calls.items():
        began = time.perf_counter()
        call()
        seconds.append(f"{name} {time.perf_counter() - began:.2f} s")
    return ", ".join(seconds)


def main() -> None:
    """Run both processes and print what they took."""
    with tempfile.TemporaryDirectory() as folder:
        for cache in ("empty", "full"):
            command = "from benchmarks.race.compiling import first_calls; print(first_calls())"
            there = {**os.environ, "NUMBA_CACHE_DIR": folder}
            done = subprocess.run(
                [sys.executable, "-c", command], env=there, check=True, capture_output=True
            )
            print(f"{cache} cache: {done.stdout.decode().strip()}")


if __name__ == "__main__":
    main()
