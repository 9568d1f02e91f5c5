"""How the time of gpudict.encode grows with rows n, atoms k, features d and threads.

    python -m benchmarks.race.scaling                # 10³ to 10⁶ rows: a few minutes, 3 GB

Rows are unit vectors of 10 random atoms and a little noise. Each series changes one size; its
exponent is the slope of log time over log size, by least squares over the whole series.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import gpudict
from benchmarks.race import measure
from benchmarks.race.problems import unit
from gpudict._writing import write_whole

BASE = {"n": 20_000, "k": 256, "d": 64}
SERIES = {
    "n": (1_000, 10_000, 100_000, 1_000_000),
    "k": (64, 128, 256, 512, 1024),
    "d": (32, 64, 128, 256, 512),
    "threads": (1, 2, 4, 8, 16, 32, 64),
}
NONZEROS, NOISE, ALPHA = 10, 0.1, 0.1


def data(n: int, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (n, d) and atoms (k, d) in float32."""
    rng = np.random.default_rng(0)
    V = unit(rng.standard_normal((k, d))).astype(np.float32)
    some = rng.integers(k, size=(min(n, 50_000), NONZEROS))
    weights = rng.standard_normal(some.shape).astype(np.float32)
    X = unit(np.einsum("ns,nsd->nd", weights, V[some]))
    X = unit(X + NOISE / np.sqrt(d) * rng.standard_normal(X.shape))
    return np.resize(X.astype(np.float32), (n, d)), V


def series(name: str, values: Iterable[int], repeats: int, threads: int) -> dict[str, Any]:
    """Time each value of one size in turn, the others as in BASE."""
    work = {}
    for value in values:
        sizes = BASE | ({name: value} if name in BASE else {})
        n_jobs = value if name == "threads" else threads
        X, V = data(**sizes)
        work[str(value)] = partial(gpudict.encode, X, V, alpha=ALPHA, n_jobs=n_jobs)
    timings, found = measure.in_turn(work, repeats)
    seconds = {value: timing._asdict() for value, timing in timings.items()}
    sizes, medians = [int(v) for v in seconds], [s["median"] for s in seconds.values()]
    slope = np.polyfit(np.log(sizes), np.log(medians), 1)[0] if len(sizes) > 1 else 0.0
    nonzeros = {v: float(np.count_nonzero(s.Z) / len(s.Z)) for v, s in found.items()}
    return {"seconds": seconds, "exponent": float(slope), "nonzeros": nonzeros}


def main(argv: list[str] | None = None) -> None:
    """Time all series and write them."""
    line = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    line.add_argument("--out", type=Path, default=Path("bench"), help="folder (default: bench)")
    line.add_argument("--repeats", type=int, default=5)
    line.add_argument("--most", type=int, default=1_000_000, help="rows")
    given = line.parse_args(argv)
    if measure.restricted():
        line.error(f"unset {', '.join(measure.restricted())}: they hold BLAS back")
    machine = measure.machine()
    limits = {"n": given.most, "threads": machine["cores"]}
    result: dict[str, Any] = {"base": BASE, "machine": machine, "series": {}}
    for name, values in SERIES.items():
        kept = [v for v in values if v <= limits.get(name, v)]
        found = series(name, kept, given.repeats, min(2, machine["cores"]))
        result["series"][name] = found
        medians = [f"{s['median']:.3g}" for s in found["seconds"].values()]
        print(f"{name}: {kept}, {medians} s, exponent {found['exponent']:.3f}", flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    write_whole(given.out / "scaling.json", (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
