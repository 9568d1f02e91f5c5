"""Half of the entries are missing: who tells best what they were. `python -m benchmarks.missing`

Of three kinds of data each entry is left out with a probability of one half, and a dictionary is
learned from the others alone; or from all, after they were imputed by the mean of the feature, by
scikit-learn's `IterativeImputer`, or by soft-thresholded SVDs (Mazumder, Hastie and Tibshirani
2010), which count as the others do or a tenth of it. What the codes say of the entries that nobody
saw is compared with what they were: the error is ‖x̂ − x‖ over ‖x − mean‖ on these.

One rule chooses all constants, for each method its own: the alphas of learning and of coding,
whether the means of features are taken off first (as both imputers do inside), and the threshold
of the SVDs. Three times a tenth of what is seen is held out; what tells these best, in the mean,
is done with all that is seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

import gpudict

WEIGHTS = {1.0: "{}, then learned", 0.1: "{}, of weight 0.1", 0.0: "missing, of weight 0"}
SHRINK = (0.02, 0.05, 0.1)  # of the largest singular value
ROUNDS, ITERATIONS = 60, 40
PATCHES = 1000
HELD_OUT, TRIALS = 0.1, 3


class Way(NamedTuple):
    """How a dictionary is learned: without the means of features, or as rows are; by which alphas.

    Alphas are in units of a row's length.
    """

    centred: bool
    learn: float
    code: float


WAYS = [Way(*way) for way in product((False, True), (0.02, 0.05, 0.1, 0.2), (0.005, 0.02, 0.05))]


class Data(NamedTuple):
    """Rows with all their entries, those that are seen, how many atoms, and who is judged.

    Codes of rows that are `positive` are so too, unless they are centred.
    """

    X: np.ndarray
    seen: np.ndarray
    judged: np.ndarray
    k: int
    positive: bool

    @classmethod
    def of(cls, X: np.ndarray, k: int, *, positive: bool) -> Data:
        """Leave out half of the entries, which are judged."""
        seen = np.random.default_rng(0).random(X.shape) < 0.5
        return cls(X, seen, ~seen, k, positive)

    def trials(self) -> list[Data]:
        """Return the data with fewer entries seen: the others are judged, none that never was."""
        draws = (np.random.default_rng(1 + i).random(self.X.shape) for i in range(TRIALS))
        return [
            self._replace(seen=self.seen & (draw >= HELD_OUT), judged=self.seen & (draw < HELD_OUT))
            for draw in draws
        ]

    @property
    def holed(self) -> np.ndarray:
        """The rows, NaN where nothing is seen."""
        return np.where(self.seen, self.X, np.nan)

    @property
    def mean(self) -> np.ndarray:
        """Of each feature."""
        each: np.ndarray = np.nanmean(self.holed, axis=0)
        return each

    def error(self, guess: np.ndarray) -> float:
        """Return how far a guess of all entries is off where it is judged."""
        off, whole = ((a - self.X)[self.judged] for a in (guess, self.mean + 0 * self.X))
        return float(np.linalg.norm(off) / np.linalg.norm(whole))


def patches() -> Data:
    """Return patches of 8×8 pixels of a photograph, less the mean of what is seen of each."""
    from sklearn.datasets import load_sample_image
    from sklearn.feature_extraction.image import extract_patches_2d

    image = load_sample_image("flower.jpg").mean(axis=2) / 255
    X = extract_patches_2d(image, (8, 8), max_patches=PATCHES, random_state=0)
    data = Data.of(X.reshape(len(X), -1), 64, positive=False)
    return data._replace(X=data.X - np.nanmean(data.holed, axis=1, keepdims=True))


def digits() -> Data:
    """Return every other of scikit-learn's digits."""
    from sklearn.datasets import load_digits

    return Data.of(load_digits().data[1::2] / 16, 48, positive=True)


def spectra() -> Data:
    """Return mixtures of some 3 of 24 spectra of 4 lines, with noise."""
    rng = np.random.default_rng(1)
    d, k, n = 120, 24, 600
    at, width, height = (rng.uniform(*ends, (4, k, 1)) for ends in ((0, d), (1.5, 6), (0.3, 1)))
    V = (height * np.exp(-0.5 * ((np.arange(d) - at) / width) ** 2)).sum(axis=0)
    X = (rng.exponential(size=(n, k)) * (rng.random((n, k)) < 3 / k)) @ V
    return Data.of(X + 0.02 * X.std() * rng.standard_normal(X.shape), k, positive=True)


def by_mean(data: Data, _: float) -> np.ndarray:
    """Impute the mean of the feature."""
    return np.where(data.seen, data.X, data.mean)


def by_regressions(data: Data, _: float) -> np.ndarray:
    """Impute by regressions of each feature on the others, in turn."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return IterativeImputer(random_state=0).fit_transform(data.holed)


def by_low_rank(data: Data, shrink: float) -> np.ndarray:
    """Impute by SVDs whose values are less by a share of the largest, again and again."""
    known = np.where(data.seen, data.X - data.mean, 0)
    top, guess = np.linalg.norm(known, 2), np.zeros_like(known)
    for _ in range(ROUNDS):
        U, S, V = np.linalg.svd(np.where(data.seen, known, guess), full_matrices=False)
        guess = (U * np.maximum(S - shrink * top, 0)) @ V
    return np.where(data.seen, data.X, guess + data.mean)


def said(data: Data, rows: np.ndarray, weight: float, ways: list[Way]) -> Iterator[np.ndarray]:
    """Yield what codes say of all entries, in each way; what was imputed of rows has a weight."""
    W = np.where(data.seen, 1.0, weight)
    told = {} if weight == 1 else {"entry_weight": W}
    learned: dict[tuple[bool, float], np.ndarray] = {}
    for centred, learn, code in ways:
        mean = data.mean if centred else 0.0
        X, positive = rows - mean, data.positive and not centred
        unit = np.sqrt(np.mean(X[data.seen] ** 2) * X.shape[1])
        if (centred, learn) not in learned:
            learned[centred, learn] = gpudict.learn(
                X,
                data.k,
                alpha=learn * unit,
                dict_init="data",
                max_iter=ITERATIONS,
                tol=1e-5,
                positive_code=positive,
                random_state=0,
                **told,
            ).dictionary
        V = learned[centred, learn]
        yield gpudict.encode(X, V, alpha=code * unit, positive=positive, **told).Z @ V + mean


IMPUTED = {
    "mean": (by_mean, (0.0,)),
    "regressions": (by_regressions, (0.0,)),
    "low rank": (by_low_rank, SHRINK),
}


def table(data: Data) -> dict[str, float]:
    """Return the error of each method, with constants that are chosen on what is seen."""
    trials, errors = data.trials(), {}
    for name, (impute, sizes) in IMPUTED.items():
        fills = {size: [impute(trial, size) for trial in trials] for size in sizes}
        size = min(sizes, key=lambda s: sum(map(Data.error, trials, fills[s])))
        filled = impute(data, size)
        errors[name] = data.error(filled)
        for weight, what in WEIGHTS.items():
            if name == "mean" or weight > 0:  # else it is the same
                tried = [
                    [trial.error(guess) for guess in said(trial, fill, weight, WAYS)]
                    for trial, fill in zip(trials, fills[size], strict=True)
                ]
                best = WAYS[int(np.argmin(np.sum(tried, axis=0)))]
                (guess,) = said(data, filled, weight, [best])
                errors[what.format(name)] = data.error(guess)
    return errors


KINDS: tuple[Callable[[], Data], ...] = (patches, digits, spectra)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # of rounds that were not enough for the regressions
    found = {kind.__name__: table(kind()) for kind in KINDS}
    names = list(next(iter(found.values())))
    print(f"| held-out error | {' | '.join(found)} |")
    print(f"|---|{'---|' * len(found)}")
    for name in names:
        print(f"| {name} | {' | '.join(f'{errors[name]:.3f}' for errors in found.values())} |")


if __name__ == "__main__":
    main()
