"""What users do, each as a function of a random generator and a folder; see `TASKS`.

Shapes are drawn from few sizes, so that what is cached for a shape is there after the warm-up. A
task returns the arrays that came out, on the host.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import gpudict
from tests.support.backends import host
from tests.support.problems import unit

ROWS, FEATURES, ATOMS = (1, 60, 700, 4000), (4, 16, 64), (8, 40, 150)
PORTABLE = ("working_set", "fista", "cd_sweep", "lars", "omp", "ols")
Draw = np.random.Generator


def draw(rng: Draw, most: int = ROWS[-1], least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return data with sparse codes and the atoms, of a random shape and dtype."""
    n = int(rng.choice([rows for rows in ROWS if least <= rows <= most]))
    d, k = int(rng.choice(FEATURES)), int(rng.choice(ATOMS))
    V = unit(rng.standard_normal((k, d)))
    U = rng.standard_normal((n, k)) * (rng.random((n, k)) < min(0.5, 4 / k))
    X = U @ V + 0.05 * rng.standard_normal((n, d))
    dtype = rng.choice([np.float32, np.float64])
    return X.astype(dtype), V.astype(dtype)


def placed(rng: Draw, *arrays: np.ndarray) -> list[Any]:
    """Return the arrays in NumPy, or as often in PyTorch."""
    if rng.random() < 0.5:
        return list(arrays)
    import torch

    return [torch.asarray(a) for a in arrays]


def compiled(rng: Draw, folder: Path) -> list[Any]:
    """Encode with the compiled solver of the lasso."""
    X, V = placed(rng, *draw(rng))
    found = gpudict.encode(X, V, alpha=0.1, positive=bool(rng.random() < 0.5), n_jobs=2)
    return [found.Z, found.gap]


def pursuit(rng: Draw, folder: Path) -> list[Any]:
    """Encode with the compiled pursuit."""
    X, V = placed(rng, *draw(rng))
    found = gpudict.encode(X, V, n_nonzero_coefs=3, solver="omp")
    return [found.Z]


def compressed(rng: Draw, folder: Path) -> list[Any]:
    """Encode to SciPy's sparse codes."""
    X, V = draw(rng)
    return [gpudict.encode(X, V, alpha=0.2, sparse_output=True).Z.toarray()]


def portable(rng: Draw, folder: Path) -> list[Any]:
    """Encode with a portable solver, in batches."""
    X, V = placed(rng, *draw(rng, 60))
    solver = str(rng.choice(PORTABLE))
    what = {"n_nonzero_coefs": 2} if solver in ("omp", "ols", "lars") else {"alpha": 0.3}
    found = gpudict.encode(X, V, solver=solver, max_iter=50, batch_size=32, **what)
    return [found.Z]


def alternating(rng: Draw, folder: Path) -> list[Any]:
    """Learn from an array, with a callback."""
    (X,) = placed(rng, draw(rng, 700, 60)[0])
    seen: list[float] = []

    def note(iteration: Any) -> None:
        seen.append(float(iteration.progress.objective))

    learned = gpudict.learn(X, 8, alpha=0.2, max_iter=5, callback=note, random_state=0)
    return [learned.dictionary, learned.code, np.asarray(seen)]


def online(rng: Draw, folder: Path) -> list[Any]:
    """Learn from a stream of batches."""
    X = draw(rng, least=60)[0]
    (X,) = placed(rng, X)
    stream = (X[low : low + 50] for low in range(0, min(X.shape[0], 400), 50))
    learned = gpudict.learn_online(stream, 12, alpha=0.2, max_iter=1, random_state=0)
    return [learned.dictionary]


def fitted(rng: Draw, folder: Path) -> list[Any]:
    """Fit an estimator, transform, go back, save and load."""
    X = draw(rng, 60, 60)[0]
    kind = str(rng.choice(["DictionaryLearning", "SparsePCA", "MiniBatchSparsePCA"]))
    made = getattr(gpudict, kind)(6, alpha=0.3, max_iter=4, random_state=0).fit(X)
    made.save(folder / "fitted.safetensors")
    code = gpudict.load(folder / "fitted.safetensors").transform(X)
    return [made.components_, code, made.inverse_transform(code)]


def partially_fitted(rng: Draw, folder: Path) -> list[Any]:
    """Feed an estimator batch by batch, saved and loaded between."""
    learner: Any = gpudict.MiniBatchDictionaryLearning(10, alpha=0.2, random_state=0)
    (X,) = placed(rng, draw(rng, 700, 700)[0])
    for low in range(0, 200, 50):
        learner.partial_fit(X[low : low + 50])
        learner.save(folder / "partial.safetensors")
        learner = gpudict.load(folder / "partial.safetensors", like=X)
    return [learner.components_, learner.transform(X)]


TASKS = (
    compiled, pursuit, compressed, portable, alternating, online, fitted, partially_fitted,
)  # fmt: skip


def digest(task: Any, folder: Path) -> list[bytes]:
    """Return the bits that a task gives for a fixed seed."""
    return [host(a).tobytes() for a in task(np.random.default_rng(0), folder)]
