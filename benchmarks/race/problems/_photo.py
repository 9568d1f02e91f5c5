"""Patches of a photo, and dictionaries learned from them.

The photo is one of scikit-learn's, grey as the mean of its channels or in colour, in [0, 1]. A
patch loses its mean and is scaled to norm 1, so that alpha is a threshold on correlations; patches
that are flat (a norm under 1e-3 before scaling) are left out. Unit rows, not a common scale for all
rows, are what gives about as many non-zeros in each: with one scale the flat sky has none and the
roofs have 40.

Dictionaries are learned by gpudict itself with a fixed seed and kept in `benchmarks/cache`, under a
key of all that they depend on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

CACHE = Path(__file__).resolve().parents[2] / "cache"
FLAT = 1e-3
SPARE = 200  # patches drawn beyond those asked for, to make up for the flat ones


class Recipe(NamedTuple):
    """How a dictionary is learned: k atoms, from every thin-th row, in so many passes."""

    k: int
    alpha: float
    thin: int
    passes: int
    batch_size: int
    dtype: str


def patches(side: int, n: int, photo: str = "china.jpg", colour: bool = False) -> np.ndarray:
    """Return n patches of side × side pixels, centred, of norm 1."""
    from sklearn.datasets import load_sample_image
    from sklearn.feature_extraction.image import extract_patches_2d

    image = load_sample_image(photo).astype(np.float64)
    image = (image if colour else image.mean(axis=2)) / 255
    drawn = extract_patches_2d(image, (side, side), max_patches=n + SPARE, random_state=0)
    rows = drawn.reshape(len(drawn), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(rows, axis=1)
    kept = norm > FLAT
    return (rows[kept] / norm[kept, None])[:n]


def dictionary(name: str, X: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return the dictionary that the recipe learns from X, from the cache if it is there."""
    key = hashlib.sha256(f"{np.__version__} {recipe}".encode() + X.tobytes()).hexdigest()[:16]
    path = CACHE / f"{name}-{key}.npy"
    if not path.exists():
        V = _learned(X, recipe)
        CACHE.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial.npy")
        np.save(partial, V)
        partial.replace(path)  # another process never sees half a file
    return np.load(path)


def _learned(X: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Learn loosely, and in the recipe's dtype: any good dictionary makes a problem.

    It is Mairal's online learning, batch t counting as t⁴, written out: a problem must not change
    with the learners that it is there to compare.
    """
    import gpudict

    X = X[:: recipe.thin].astype(recipe.dtype)
    (n, d), rng = X.shape, np.random.RandomState(0)
    V = _unit(X[rng.choice(n, recipe.k, replace=False)])
    V = _unit(V + (rng.normal(size=V.shape) * 0.01 / np.sqrt(d)).astype(X.dtype))
    order, t = rng.permutation(n), 0
    A, B = np.zeros((recipe.k, recipe.k)), np.zeros((recipe.k, d))
    for low in recipe.passes * list(range(0, n, recipe.batch_size)):
        rows = X[order[low : low + recipe.batch_size]]
        U = gpudict.encode(rows, V.astype(X.dtype), alpha=recipe.alpha, tol=1e-2).Z.astype(float)
        past, t = (t / (t + 1)) ** 4, t + 1
        A, B = past * A + U.T @ U / len(U), past * B + U.T @ rows / len(U)
        for j in np.flatnonzero(np.diagonal(A) > 1e-6):
            V[j] = _unit((B[j] - A[j] @ V + A[j, j] * V[j])[None])[0]
    return _unit(V.astype(np.float64))


def _unit(V: np.ndarray) -> np.ndarray:
    return np.asarray(V / np.linalg.norm(V, axis=1, keepdims=True))
