"""Denoising by a learned dictionary: patches to learn from, learning, and the picture anew.

Elad and Aharon (2006), "Image denoising via sparse and redundant representations over learned
dictionaries": every overlapping patch is replaced by its sparse approximation, and where patches
overlap they are averaged. Pictures, patches and averages are NumPy's and stay on the host; only
blocks of patches, a patch a row, go to the array library at work. No clean picture is needed: the
atoms are learned from the noisy patches themselves, those with more energy than noise alone has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, asarray_like, read, to_host
from gpudict.coding.encode import encode
from gpudict.learning.learn import learn
from gpudict.learning.records import Learned
from gpudict.objective.quadratic import relative_gap
from gpudict.solvers.records import Solution
from gpudict.tools.patches import centred, cover, overlap_add, patches, windows

BLOCK = 16_384  # patches coded at a time
CANDIDATES = 3  # patches looked at for each one to learn from
LEARNING, DENOISING = "learning the dictionary", "denoising the picture"
MAD = 0.6745  # of a normal distribution, the median of |z|

Report = Callable[[str, int, int], None]  # (stage, steps done, steps in all)


class Settings(NamedTuple):
    """What the job does, in units of the noise where there is a choice.

    Attributes
    ----------
    n_components : atoms k
    coder : 'omp', pursuit to an error that is noise, or 'lasso'
    sigma : standard deviation of the noise; pictures are in [0, 1]
    size : side of a patch; d = size², or 3·size² in colour
    n_samples : patches to learn from
    max_iter : iterations of learning
    seed : of the noise, of the patches learned from, of the start
    """

    n_components: int = 256
    coder: str = "omp"
    sigma: float = 20 / 255
    size: int = 8
    n_samples: int = 10_000
    max_iter: int = 15
    seed: int = 0

    def noise(self, d: int) -> float:
        """Return the squared norm that d pixels of noise rarely have more of."""
        return d * (1.1 * self.sigma) ** 2

    @property
    def learning_alpha(self) -> float:
        """The lasso's alpha for learning: the noise on a unit atom has the deviation sigma."""
        return 2.0 * self.sigma

    def coding(self, d: int) -> dict[str, float]:
        """Return the arguments of `encode` for a patch of d pixels."""
        if self.coder == "omp":
            return {"target_error": self.noise(d)}
        return {"alpha": 1.5 * self.sigma}


def training_patches(image: np.ndarray, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Return random centred patches (m, d) with more energy than noise has, m ≤ n_samples."""
    cut = windows(image, settings.size)
    n, d = cut.shape[0] * cut.shape[1], math.prod(cut.shape[2:])
    index = rng.choice(n, min(n, CANDIDATES * settings.n_samples), replace=False)
    rows, _ = centred(cut[np.unravel_index(index, cut.shape[:2])].reshape(-1, d), settings.size)
    busy: np.ndarray = np.sum(rows * rows, axis=1) > settings.noise(d)
    return rows[busy, :][: settings.n_samples, :]


def learn_atoms(X: Array, settings: Settings, report: Report) -> Learned:
    """Learn the atoms from centred patches X (m, d); one report an iteration."""
    report(LEARNING, 0, settings.max_iter)
    learned = learn(
        X,
        settings.n_components,
        alpha=settings.learning_alpha,
        dict_init="data",
        max_iter=settings.max_iter,
        random_state=settings.seed,
        callback=lambda step: report(LEARNING, step.progress.iteration + 1, settings.max_iter),
    )
    report(LEARNING, settings.max_iter, settings.max_iter)  # also where it stopped early
    return learned


def denoise(
    image: np.ndarray, V: Array, settings: Settings, report: Report
) -> tuple[np.ndarray, float]:
    """Replace every patch of the picture by its sparse approximation over the atoms V.

    Returns the denoised picture, and the largest relative duality gap of a code: 0 for a pursuit,
    which has none.
    """
    size, total = settings.size, np.zeros(image.shape)
    bands, gap = list(cut(image.shape, size)), 0.0
    for done, (top, bottom) in enumerate(bands):
        report(DENOISING, done, len(bands))
        band = image[top : bottom + size - 1]
        rows, mean = centred(patches(band, size), size)
        X = asarray_like(rows, V)
        found = encode(X, V, **settings.coding(X.shape[1]))  # type: ignore[arg-type]
        approximation = to_host(found.Z @ V) + mean
        total[top : bottom + size - 1] += overlap_add(approximation, band.shape, size)
        gap = max(gap, largest_gap(found, X)) if settings.coder == "lasso" else gap
    report(DENOISING, len(bands), len(bands))
    return total / cover(image.shape, size), gap


def cut(shape: tuple[int, ...], size: int) -> Iterator[tuple[int, int]]:
    """Yield (first, end) of the rows of patches of each band: of about BLOCK patches, all alike."""
    h, w = shape[0] - size + 1, shape[1] - size + 1
    edges = np.linspace(0, h, math.ceil(h / max(1, BLOCK // w)) + 1).round().astype(int)
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def largest_gap(found: Solution, X: Array) -> float:
    """Return the largest duality gap of the codes of X (n, d), relative to ½‖x‖²."""
    xp = array_namespace(X)
    sq = xp.astype(xp.sum(X * X, axis=1), found.gap.dtype)
    return read(xp.max(relative_gap(found.gap, sq)))[0]


def noise_of(image: np.ndarray) -> float:
    """Return the standard deviation of the noise in a picture, as far as it can be told.

    It is that of the finest diagonal wavelets of Haar, by the median of their magnitudes, which
    edges hardly move (Donoho and Johnstone 1994, "Ideal spatial adaptation by wavelet shrinkage").
    """
    h, w = (side - side % 2 for side in image.shape[:2])
    if not h * w:
        return 0.0
    a, b = image[:h:2, :w:2] - image[:h:2, 1:w:2], image[1:h:2, :w:2] - image[1:h:2, 1:w:2]
    return float(np.median(np.abs(a - b)) / (2 * MAD))
