"""The data sets: a function of rows, features and atoms each, that returns X (n, d) and V (k, d).

All is float64 and the same on every call. Atoms have norm 1. What comes of a package that is not
there raises an ImportError.
"""

from __future__ import annotations

from functools import partial
from math import isqrt

import numpy as np

from benchmarks.race.problems import unit
from benchmarks.race.problems._photo import Recipe, dictionary, patches

Pair = tuple[np.ndarray, np.ndarray]
LEARNED = 1024  # atoms at most: more of them take long
ALPHA, TRAINED = 0.15, 10_000  # patches at least


def photograph(name: str, n: int, d: int, k: int, learned: bool = True) -> Pair:
    """Return patches of norm 1, grey if d is a square, else in colour, and atoms learned of them.

    If not learned, or if they are many, the atoms are other patches.
    """
    colour = isqrt(d) ** 2 != d
    drawn = partial(patches, isqrt(d // 3 if colour else d), photo=name, colour=colour)
    if k > LEARNED or not learned:
        X = drawn(n + k)
        return X[k:], unit(X[:k])
    X = drawn(max(n, TRAINED))
    recipe = Recipe(k=k, alpha=ALPHA, thin=1, passes=2, batch_size=max(512, k), dtype="float32")
    return X[:n], dictionary(f"map-{name}", X, recipe)


china = partial(photograph, "china.jpg")
flower = partial(photograph, "flower.jpg")
china_samples = partial(photograph, "china.jpg", learned=False)
flower_samples = partial(photograph, "flower.jpg", learned=False)


def digits(n: int, d: int, k: int) -> Pair:
    """Return scikit-learn's digits, pixels from 0 to 1, and the last ones as atoms."""
    from sklearn.datasets import load_digits

    X = load_digits().data / 16
    return X[:n], unit(X[-k:])


def cells(n: int, d: int, k: int) -> Pair:
    """Return the table breast_cancer of scikit-learn, standardised, and random atoms."""
    from sklearn.datasets import load_breast_cancer

    X = load_breast_cancer().data[:n, :d]
    return (X - X.mean(axis=0)) / X.std(axis=0), _random(k, d)


def pixels(n: int, d: int, k: int) -> Pair:
    """Return colours of pixels of both photographs, and others of them as atoms."""
    from sklearn.datasets import load_sample_images

    X = np.concatenate([image.reshape(-1, 3) for image in load_sample_images().images]) / 255
    X = X[np.random.default_rng(0).permutation(len(X))]
    return X[:n], unit(X[-k:] + 1e-3)


def heart(n: int, d: int, k: int) -> Pair:
    """Return windows of PyWavelets's electrocardiogram, centred, and other windows as atoms."""
    import pywt.data

    X = np.lib.stride_tricks.sliding_window_view(pywt.data.ecg().astype(np.float64), d)
    X = unit(X - X.mean(axis=1, keepdims=True))
    X = X[np.random.default_rng(0).permutation(len(X))]
    return X[:n], X[-k:]


def sensor(n: int, d: int, k: int) -> Pair:
    """Return windows of a signal of drifts, tones and noise, and waves and steps as atoms."""
    rng = np.random.default_rng(0)
    t = np.arange(n + d - 1)
    signal = 0.1 * np.cumsum(rng.standard_normal(len(t))) + np.sin(t / 3) + np.sin(t / 1.3)
    signal += 0.1 * rng.standard_normal(len(t))
    X = np.lib.stride_tricks.sliding_window_view(signal, d)
    return X - X.mean(axis=1, keepdims=True), _random(k, d)


def planted(n: int, d: int, k: int, used: int = 5, noise: float = 0.02) -> Pair:
    """Return combinations of 5 random atoms, and those atoms."""
    rng, V = np.random.default_rng(0), _random(k, d)
    U = np.zeros((n, k))
    at = rng.integers(k, size=(n, used))
    np.put_along_axis(U, at, rng.standard_normal((n, used)), axis=1)
    return U @ V + noise * rng.standard_normal((n, d)), V


def start(n: int, d: int, k: int) -> Pair:
    """Return combinations of 5 of as many random atoms, and samples to learn them from."""
    X, _ = planted(n + k, d, k)
    return X[k:], unit(X[:k])


def signals(n: int, d: int, k: int) -> Pair:
    """Return scikit-learn's documented example, of 10 non-zeros, and its atoms."""
    from sklearn.datasets import make_sparse_coded_signal

    X, V, _ = make_sparse_coded_signal(
        n_samples=n, n_components=k, n_features=d, n_nonzero_coefs=10, random_state=42
    )
    return X, V


def noise(n: int, d: int, k: int) -> Pair:
    """Return white noise, and random atoms: nothing to find."""
    return np.random.default_rng(0).standard_normal((n, d)), _random(k, d)


def activations(n: int, d: int, k: int) -> Pair:
    """Return what hidden layers are like: some 20 of k features, heavy tails, a few loud axes."""
    X, V = planted(n, d, k, used=20)
    rng = np.random.default_rng(1)
    loud = np.exp(rng.standard_normal(d) * 0.5)
    return unit(X * loud + 0.1 * rng.standard_t(3, (n, d))), unit(V * loud)


def chirps(n: int, d: int, k: int) -> Pair:
    """Return tones that rise under an envelope, and cosines, a finer grid than d, as atoms."""
    rng, t = np.random.default_rng(0), np.arange(d) / d
    first, rise, middle = rng.random((3, n, 1)) * [[[d / 4]], [[d / 8]], [[1.0]]]
    X = np.sin(2 * np.pi * (first + rise * t) * t) * np.exp(-8 * (t - middle) ** 2)
    V = np.cos(np.pi * (np.arange(d) + 0.5) / d * (np.arange(k)[:, None] + 0.5) * d / k)
    return unit(X + 0.05 * rng.standard_normal((n, d))), unit(V)


def spectra(n: int, d: int, k: int) -> Pair:
    """Return counts of some 6 peaks on a slope, and peaks of 4 widths as atoms."""
    rng, t = np.random.default_rng(0), np.arange(d) / d
    width = np.repeat([0.003, 0.006, 0.012, 0.03], -(-k // 4))[:k, None]
    centre = np.tile(np.linspace(0, 1, -(-k // 4)), 4)[:k, None]
    V = unit(np.exp(-0.5 * ((t - centre) / width) ** 2))
    U = rng.gamma(1, 100, (n, k)) * (rng.random((n, k)) < 6 / k)
    return rng.poisson(U @ V + 2 - t).astype(np.float64), V


def mixtures(n: int, d: int, k: int) -> Pair:
    """Return a hyperspectral picture's pixels: two or three of k smooth spectra, and those."""
    rng = np.random.default_rng(0)
    V = unit(np.abs(np.cumsum(rng.standard_normal((k, d)), axis=1)) + 1)
    U = rng.gamma(1, 1, (n, k)) * (rng.random((n, k)) < 2.5 / k)
    return U @ V + 0.02 * rng.standard_normal((n, d)), V


def stains(n: int, d: int, k: int) -> Pair:
    """Return optical densities of stained tissue, and the stains of Ruifrok and Johnston (2001)."""
    rng = np.random.default_rng(0)
    V = unit(np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]]))[:k, :d]
    U = rng.gamma(1.0, 0.5, (n, k)) * (rng.random((n, k)) < np.array([0.4, 0.7, 0.3])[:k])
    return U @ V + 0.01 * rng.standard_normal((n, d)), V


def brain(n: int, d: int, k: int) -> Pair:
    """Return courses of voxels, k overlapping networks in noise, and the networks' courses."""
    rng = np.random.default_rng(0)
    V = unit(np.apply_along_axis(np.convolve, 1, rng.standard_normal((k, d)), np.ones(6), "same"))
    U = rng.gamma(2, 1, (n, k)) * (rng.random((n, k)) < 0.3)
    return U @ V + 0.3 * rng.standard_normal((n, d)), V


def counts(n: int, d: int, k: int) -> Pair:
    """Return log counts of genes in cells, programmes of which some are at work, and those."""
    rng = np.random.default_rng(0)
    V = rng.gamma(0.2, 1, (k, d))
    U = rng.gamma(1, 1, (n, k)) * (rng.random((n, k)) < 5 / k)
    rate = U @ V * rng.gamma(2, 0.5, (n, 1)) + 0.05
    return np.log1p(rng.poisson(rate).astype(np.float64)), unit(np.log1p(V))


def _random(k: int, d: int) -> np.ndarray:
    return unit(np.random.default_rng(7).standard_normal((k, d)))
