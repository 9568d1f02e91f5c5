"""The table of what is run: a row a line. Constants of gpudict are not chosen on these.

`task` is one of the race's, `data` a function of `sets.py`, `weight` alpha or, for a pursuit, the
non-zeros of a row. A learner starts from the set's atoms; `batch` and `passes` are of online ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.map import sets
from benchmarks.race.problems import Problem

ITERATIONS = {"learn": 12, "dict_learning": 100}
PURSUITS = ("omp", "ols")
HELD = 8  # one row of so many is not learned from, and judges what was
F32 = "float32"


class Row(NamedTuple):
    """What is run: n samples of d features and k atoms, of a data set."""

    name: str
    task: str
    data: Callable[[int, int, int], sets.Pair]
    n: int
    d: int
    k: int
    weight: float
    dtype: str = "float64"
    positive: bool = False
    batch: int = 0
    passes: int = 1


ROWS = (
    Row("patches 8×8", "encode", sets.china, 50_000, 64, 256, 0.15),
    Row("patches 8×8, float32", "encode", sets.china, 50_000, 64, 256, 0.15, F32),
    Row("patches 8×8, positive", "encode", sets.china, 10_000, 64, 256, 0.15, positive=True),
    Row("patches 8×8, 3 non-zeros", "encode", sets.china, 30_000, 64, 256, 0.5),
    Row("patches 8×8, 40 non-zeros", "encode", sets.china, 2000, 64, 256, 0.02),
    Row("patches 8×8, dense", "encode", sets.china, 500, 64, 256, 0.002),
    Row("flower 8×8", "encode", sets.flower, 20_000, 64, 256, 0.15),
    Row("flower 8×8, colour, float32", "encode", sets.flower, 5000, 192, 512, 0.15, F32),
    Row("patches 12×12", "encode", sets.china, 5000, 144, 1024, 0.12),
    Row("patches 16×16", "encode", sets.china, 5000, 256, 1024, 0.12),
    Row("patches 28×28", "encode", sets.china, 2000, 784, 500, 0.12),
    Row("digits", "encode", sets.digits, 1600, 64, 100, 0.3),
    Row("digits, positive, float32", "encode", sets.digits, 1600, 64, 100, 0.3, F32, True),
    Row("electrocardiogram", "encode", sets.heart, 800, 64, 128, 0.05),
    Row("cells, a table", "encode", sets.cells, 569, 30, 16, 1.0),
    Row("pixels, 8 colours", "encode", sets.pixels, 200_000, 3, 8, 0.05),
    Row("stains, positive", "encode", sets.stains, 200_000, 3, 2, 0.1, positive=True),
    Row("a million windows", "encode", sets.sensor, 1_000_000, 8, 16, 0.3),
    Row("fMRI, positive", "encode", sets.brain, 50_000, 200, 20, 2.0, positive=True),
    Row("mixtures, positive, float32", "encode", sets.mixtures, 30_000, 200, 12, 0.2, F32, True),
    Row("counts of genes", "encode", sets.counts, 5000, 2000, 50, 2.0),
    Row("counts, positive, float32", "encode", sets.counts, 2000, 2000, 200, 2.0, F32, True),
    Row("spectra, positive", "encode", sets.spectra, 2000, 1000, 400, 20.0, positive=True),
    Row("5 of 512 random atoms", "encode", sets.planted, 10_000, 64, 512, 0.1),
    Row("white noise, dense", "encode", sets.noise, 3000, 64, 128, 0.2),
    Row("chirps", "encode", sets.chirps, 500, 512, 2048, 0.1),
    Row("activations, 4,096 atoms", "encode", sets.activations, 500, 128, 4096, 0.15),
    Row("patches 16×16, 8,192 atoms", "encode", sets.china, 500, 256, 8192, 0.15),
    Row("activations, 8,192, float32", "encode", sets.activations, 1000, 256, 8192, 0.15, F32),
    Row("activations, 16,384, float32", "encode", sets.activations, 200, 512, 16_384, 0.15, F32),
    Row("100 patches", "encode", sets.flower, 100, 64, 100, 0.15),
    Row("one patch", "encode", sets.flower, 1, 64, 64, 0.15),
    Row("one patch, sparse_encode", "one_row", sets.flower, 1, 64, 64, 0.15),
    Row("one mixture, positive", "one_row", sets.mixtures, 1, 200, 20, 0.2, positive=True),
    Row("OMP, 3 atoms", "omp", sets.china, 20_000, 64, 256, 3),
    Row("OMP, 10 atoms", "omp", sets.china, 50_000, 64, 256, 10),
    Row("OMP, 10 atoms, float32", "omp", sets.flower, 20_000, 64, 256, 10, F32),
    Row("OMP, 30 atoms", "omp", sets.china, 5000, 64, 256, 30),
    Row("OMP, 5 of 512 random atoms", "omp", sets.planted, 10_000, 64, 512, 5),
    Row("OMP, 10 digits", "omp", sets.digits, 1600, 64, 100, 10),
    Row("OMP, 16 of 8,192, float32", "omp", sets.activations, 1000, 256, 8192, 16, F32),
    Row("OMP, 64 of 2,048, float32", "omp", sets.activations, 500, 512, 2048, 64, F32),
    Row("OLS, 3 atoms", "ols", sets.china, 20_000, 64, 256, 3),
    Row("OLS, 10 atoms", "ols", sets.china, 20_000, 64, 256, 10),
    Row("OLS, 10 atoms, float32", "ols", sets.flower, 20_000, 64, 256, 10, F32),
    Row("OLS, 30 atoms", "ols", sets.china, 5000, 64, 256, 30),
    Row("OLS, 5 of 512 random atoms", "ols", sets.planted, 10_000, 64, 512, 5),
    Row("OLS, 10 digits", "ols", sets.digits, 1600, 64, 100, 10),
    Row("OLS, 16 of 8,192, float32", "ols", sets.activations, 1000, 256, 8192, 16, F32),
    Row("OLS, 64 of 2,048, float32", "ols", sets.activations, 500, 512, 2048, 64, F32),
    Row("learn, 12 iterations", "learn", sets.flower_samples, 3000, 64, 128, 0.15),
    Row("learn, wide", "dict_learning", sets.noise, 100, 3000, 20, 1.0),
    Row("learn, the documented example", "dict_learning", sets.signals, 30, 20, 15, 0.1),
    Row("SparsePCA, digits", "sparse_pca", sets.digits, 1767, 64, 30, 1.0),
    Row("online, flower", "online", sets.flower_samples, 8000, 64, 256, 0.15, batch=512),
    Row("online, 5 passes", "online", sets.flower_samples, 1500, 64, 128, 0.15, F32, False, 256, 5),
    Row("online, patches 12×12", "online", sets.china_samples, 4000, 144, 512, 0.12, batch=256),
    Row("online, batches of 64", "online", sets.china_samples, 4000, 64, 256, 0.15, batch=64),
    Row("online, batches of 3", "online", sets.flower_samples, 1000, 64, 100, 0.15, batch=3),
    Row("online, digits", "online", sets.digits, 1600, 64, 64, 0.3, batch=16),
    Row("online, 5 of 256 random atoms", "online", sets.start, 3000, 64, 256, 0.1, batch=256),
)


def posed(row: Row) -> Problem:
    """Return the row's problem, as the race has them."""
    X, V = row.data(row.n, row.d, row.k)
    if X.shape != (row.n, row.d) or V.shape != (row.k, row.d):
        raise ValueError(f"{row.name}: asked for n, d, k = {row[3:6]}, got {X.shape}, {V.shape}")
    steps, unseen = ITERATIONS.get(row.task, 0), None
    if row.task == "online":
        held = np.arange(len(X)) % HELD == 0
        X, unseen = X[~held], X[held]
        steps = row.passes * -(-len(X) // row.batch)
    pursuit = row.task in PURSUITS
    alpha, most = (0.0, int(row.weight)) if pursuit else (row.weight, 0)
    return Problem(
        row.name, X, V, alpha, most, _first_line(row.data), steps, row.batch, unseen, row.positive
    )


def _first_line(made: Callable[..., sets.Pair]) -> str:
    """Return what the function says of itself."""
    return (getattr(made, "func", made).__doc__ or "").splitlines()[0]
