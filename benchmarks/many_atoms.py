"""Online learning without UᵀU, as above 8,192 atoms, against learning with it, from one start.

python -m benchmarks.many_atoms [--atoms 4096] [--steps 60] [--only WORD]

Both see the same batches in the same order. What is told is the cost of rows that neither has
seen: with UᵀU after so many steps, and without after 1, 1.25 and 1.5 times as many. The rule was
chosen at 1,024 atoms on sets like those that are marked so; the others took no part.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

import gpudict
from benchmarks.map import sets
from gpudict.learning import apart

BATCH, UNSEEN = 2048, 1500
SHARES = (1, 1.25, 1.5)


class Case(NamedTuple):
    """A data set of so many features, its alpha, and whether the rule was chosen on its like."""

    name: str
    data: Callable[..., sets.Pair]
    d: int
    alpha: float
    chosen: bool


CASES = (
    Case("planted", sets.start, 256, 0.1, True),
    Case("activations", sets.activations, 256, 0.1, True),
    Case("spectra", sets.spectra, 256, 20.0, True),
    Case("flower 12×12", sets.flower_samples, 144, 0.15, False),
    Case("china 12×12", sets.china_samples, 144, 0.15, False),
    Case("counts", sets.counts, 256, 0.8, False),
)


def batches(X: np.ndarray) -> Iterator[np.ndarray]:
    """Yield batches of X without end, each pass in another order."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(len(X))
        yield from (X[order[low : low + BATCH]] for low in range(0, len(X) - BATCH + 1, BATCH))


def learned(X: np.ndarray, V: np.ndarray, alpha: float, steps: int, most: int) -> np.ndarray:
    """Return the dictionary after some steps, with UᵀU up to so many atoms."""
    before, apart.MANY = apart.MANY, most
    try:
        given: Any = islice(batches(X), steps)
        return gpudict.learn_online(
            given, len(V), alpha=alpha, dict_init=V, dictionary_update="mm", random_state=0
        ).dictionary
    finally:
        apart.MANY = before


def cost(X: np.ndarray, V: np.ndarray, alpha: float) -> float:
    """Return the mean of ½‖x − uV‖² + alpha‖u‖₁."""
    Z = gpudict.encode(X, V, alpha=alpha).Z
    return float(np.mean(0.5 * np.sum((X - Z @ V) ** 2, axis=1) + alpha * np.abs(Z).sum(axis=1)))


def main() -> None:
    """Write a line of JSON for each data set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_atoms", description=__doc__)
    parser.add_argument("--atoms", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    for case in (case for case in CASES if asked.only in case.name):
        X, _ = case.data(asked.rows + UNSEEN + asked.atoms, case.d, asked.atoms)
        X = np.random.default_rng(1).permutation(X).astype("float32")
        start = X[: asked.atoms] / np.linalg.norm(X[: asked.atoms], axis=1, keepdims=True)
        unseen, seen = X[asked.atoms : asked.atoms + UNSEEN], X[asked.atoms + UNSEEN :]
        given = (seen, start, case.alpha)
        exact = cost(unseen, learned(*given, asked.steps, 2**30), case.alpha)
        found = {
            share: cost(unseen, learned(*given, round(share * asked.steps), 0), case.alpha)
            for share in SHARES
        }
        said = {"data": case.name, "chosen on": case.chosen, "atoms": asked.atoms}
        said |= {"start": round(cost(unseen, start, case.alpha), 4), "with UᵀU": round(exact, 4)}
        said |= {f"without, {s} ×": f"{c / exact - 1:+.2%}" for s, c in found.items()}
        print(json.dumps(said, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
