"""Half of the entries are missing: who tells best what they were. `python -m benchmarks.missing`

Of three kinds of data each entry is left out with a probability of one half, and a dictionary is
learned from the others alone; or from all, after they were imputed by the mean of the feature, by
scikit-learn's `IterativeImputer`, or by soft-thresholded SVDs (Mazumder, Hastie and Tibshirani
2010), which count as the others do or a tenth of it. What the codes say of the entries that nobody
saw is compared with what they were: the error is ‖x̂ − x‖ over ‖x − mean‖ on these. The alphas of
learning and of coding, and the threshold of the SVDs, are chosen for each method on other data of
the same kind.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np

import gpudict

LEARN, CODE = (0.05, 0.1), (0.005, 0.02)  # alphas, in units of a row's length
WEIGHTS = {1.0: "{}, then learned", 0.1: "{}, of weight 0.1", 0.0: "missing, of weight 0"}
SHRINK = (0.02, 0.05, 0.1)  # of the largest singular value
ROUNDS, ITERATIONS = 60, 40
PATCHES = 1000


Pair = tuple[float, float]


class Data(NamedTuple):
    """Rows with all their entries, those that are seen, and how they are learned from."""

    X: np.ndarray
    seen: np.ndarray
    k: int
    positive: bool

    @property
    def holed(self) -> np.ndarray:
        """The rows, NaN where nothing is seen."""
        return np.where(self.seen, self.X, np.nan)

    @property
    def unit(self) -> float:
        """A row's length, as far as it is seen."""
        return float(np.sqrt(np.nanmean(self.holed**2) * self.X.shape[1]))

    @property
    def mean(self) -> np.ndarray:
        """Of each feature."""
        each: np.ndarray = np.nanmean(self.holed, axis=0)
        return each

    def error(self, guess: np.ndarray) -> float:
        """Return how far a guess of all entries is off where nothing was seen."""
        off, whole = ((a - self.X)[~self.seen] for a in (guess, self.mean + 0 * self.X))
        return float(np.linalg.norm(off) / np.linalg.norm(whole))


def patches(number: int) -> Data:
    """Return patches of 8×8 pixels of a photograph, less the mean of what is seen of each."""
    from sklearn.datasets import load_sample_image
    from sklearn.feature_extraction.image import extract_patches_2d

    image = load_sample_image(("china.jpg", "flower.jpg")[number]).mean(axis=2) / 255
    X = extract_patches_2d(image, (8, 8), max_patches=PATCHES, random_state=0)
    X = X.reshape(len(X), -1)
    seen = _seen(X)
    return Data(X - np.nanmean(np.where(seen, X, np.nan), axis=1, keepdims=True), seen, 64, False)


def digits(number: int) -> Data:
    """Return every other of scikit-learn's digits."""
    from sklearn.datasets import load_digits

    X = load_digits().data[number::2] / 16
    return Data(X, _seen(X), 48, True)


def spectra(number: int) -> Data:
    """Return mixtures of some 3 of 24 spectra of 4 lines, with noise."""
    rng = np.random.default_rng(number)
    d, k, n = 120, 24, 600
    at, width, height = (rng.uniform(*ends, (4, k, 1)) for ends in ((0, d), (1.5, 6), (0.3, 1)))
    V = (height * np.exp(-0.5 * ((np.arange(d) - at) / width) ** 2)).sum(axis=0)
    X = (rng.exponential(size=(n, k)) * (rng.random((n, k)) < 3 / k)) @ V
    X = X + 0.02 * X.std() * rng.standard_normal(X.shape)
    return Data(X, _seen(X), k, True)


def _seen(X: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).random(X.shape) < 0.5


def by_mean(data: Data, _: float) -> np.ndarray:
    """Impute the mean of the feature."""
    return np.where(data.seen, data.X, data.mean)


def by_regressions(data: Data, _: float) -> np.ndarray:
    """Impute by regressions of each feature on the others, in turn."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return IterativeImputer(max_iter=5, random_state=0).fit_transform(data.holed)


def by_low_rank(data: Data, shrink: float) -> np.ndarray:
    """Impute by SVDs whose values are less by a share of the largest, again and again."""
    known = np.where(data.seen, data.X - data.mean, 0)
    top, guess = np.linalg.norm(known, 2), np.zeros_like(known)
    for _ in range(ROUNDS):
        U, S, V = np.linalg.svd(np.where(data.seen, known, guess), full_matrices=False)
        guess = (U * np.maximum(S - shrink * top, 0)) @ V
    return np.where(data.seen, data.X, guess + data.mean)


def learned(
    data: Data, rows: np.ndarray, weight: float, alpha: float
) -> Callable[[float], np.ndarray]:
    """Learn, imputed entries of rows having a weight; return what says all entries, by an alpha."""
    W = np.where(data.seen, 1.0, weight)
    told = {} if weight == 1 else {"entry_weight": W}
    V = gpudict.learn(
        rows,
        data.k,
        alpha=alpha * data.unit,
        dict_init="data",
        max_iter=ITERATIONS,
        tol=1e-5,
        positive_code=data.positive,
        random_state=0,
        **told,
    ).dictionary

    def says(alpha: float) -> np.ndarray:
        code = gpudict.encode(rows, V, alpha=alpha * data.unit, positive=data.positive, **told).Z
        return code @ V

    return says


def tried(data: Data, rows: np.ndarray, weight: float, pairs: list[Pair]) -> list[float]:
    """Return the error of each pair of alphas, of learning and of coding."""
    made = {alpha: learned(data, rows, weight, alpha) for alpha in {alpha for alpha, _ in pairs}}
    return [data.error(made[alpha](code)) for alpha, code in pairs]


IMPUTED = {
    "mean": (by_mean, (0.0,)),
    "regressions": (by_regressions, (0.0,)),
    "low rank": (by_low_rank, SHRINK),
}


def table(kind: Callable[[int], Data]) -> dict[str, float]:
    """Return the error of each method on data of a kind, its constants chosen on others."""
    other, data = kind(0), kind(1)
    pairs, errors = list(product(LEARN, CODE)), {}
    for name, (impute, sizes) in IMPUTED.items():
        fills = [impute(other, size) for size in sizes]
        best = int(np.argmin([other.error(fill) for fill in fills]))
        filled = impute(data, sizes[best])
        errors[name] = data.error(filled)
        for weight, what in WEIGHTS.items():
            if name == "mean" or weight > 0:  # else it is the same
                pair = pairs[int(np.argmin(tried(other, fills[best], weight, pairs)))]
                called = what.format(name)
                (errors[called],) = tried(data, filled, weight, [pair])
    return errors


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # of rounds that were not enough for the regressions
    found = {kind.__name__: table(kind) for kind in (patches, digits, spectra)}
    names = list(next(iter(found.values())))
    print(f"| held-out error | {' | '.join(found)} |")
    print(f"|---|{'---|' * len(found)}")
    for name in names:
        print(f"| {name} | {' | '.join(f'{errors[name]:.3f}' for errors in found.values())} |")


if __name__ == "__main__":
    main()
