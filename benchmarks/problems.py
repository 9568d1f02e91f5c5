"""Many small problems in one call, against one call each, and against SPAMS; in turn.

python -m benchmarks.problems

Dictionaries: 256 problems of 500 pixels, 3 densities and 2 stains. Codes: 10,000 rows, each over 20
atoms of its own, none below zero; SPAMS has one thread, and its arrays in its own order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import gpudict
from benchmarks.race.problems import unit

STAINS = unit(np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]]))  # Ruifrok and Johnston (2001)
TURNS = 3


def stains(b: int, n: int) -> np.ndarray:
    """Return the densities (b, n, 3) of stained pixels."""
    rng = np.random.default_rng(0)
    amounts = rng.gamma(1.0, 0.5, (b, n, 2)) * (rng.random((b, n, 2)) < [0.4, 0.7])
    return np.asarray(amounts @ STAINS + 0.01 * rng.standard_normal((b, n, 3)))


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def raced(name: str, all_at_once: Callable[[], Any], others: Callable[[], Any]) -> None:
    """Write how many times as long the others take, turn by turn."""
    both = [(seconds(all_at_once), seconds(others)) for _ in range(TURNS)]
    at_once = round(float(np.median([a for a, _ in both])), 4)
    said = {
        "what": name,
        "at once, s": at_once,
        "times as long": [round(b / a, 1) for a, b in both],
    }
    print(json.dumps(said), flush=True)


def main() -> None:
    """Run all."""
    X = stains(256, 500)
    positive = {"positive_code": True, "positive_dict": True, "dict_init": "data"}
    for name, more in (("learn", {}), ("learn, positive", positive)):
        options: dict[str, Any] = {"alpha": 0.1, "random_state": 0, **more}
        gpudict.learn(X[:2], 2, **options)  # all is compiled
        raced(
            f"{name}, against one call each",
            lambda options=options: gpudict.learn(X, 2, **options),
            lambda options=options: [gpudict.learn(x, 2, **options) for x in X],
        )
    rng = np.random.default_rng(0)
    V = np.abs(rng.standard_normal((10_000, 20, 30)))
    V /= np.linalg.norm(V, axis=2, keepdims=True)
    U = rng.gamma(1, 1, (10_000, 20)) * (rng.random((10_000, 20)) < 0.2)
    rows = (U[:, None, :] @ V)[:, 0] + 0.05 * rng.standard_normal((10_000, 30))
    try:
        import spams
    except ModuleNotFoundError:
        print("SPAMS is not installed: pip install spams-bin")
        return
    theirs = [
        (np.asfortranarray(x[:, None]), np.asfortranarray(v.T))
        for x, v in zip(rows, V, strict=True)
    ]
    gpudict.encode(rows, V, alpha=0.1, positive=True)
    raced(
        "encode, positive, against SPAMS",
        lambda: gpudict.encode(rows, V, alpha=0.1, positive=True),
        lambda: [spams.lasso(x, v, lambda1=0.1, pos=True, numThreads=1) for x, v in theirs],
    )


if __name__ == "__main__":
    main()
