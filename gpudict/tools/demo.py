"""The main job, end to end: learn a dictionary from a noisy picture, and denoise it with it.

Elad and Aharon (2006), "Image denoising via sparse and redundant representations over learned
dictionaries": every overlapping patch is replaced by its sparse approximation, and where patches
overlap they are averaged. Pictures, patches and averages are NumPy's and stay on the host; only
blocks of patches, a patch a row, go to the array library at work. No clean picture is needed: the
atoms are learned from the noisy patches themselves, those with more energy than noise alone has.

`denoising` is the job. It reports what it has done to a callable, so it knows nothing of terminals.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gpudict.arrays.door import Array, array_namespace, asarray_like, read, to_host
from gpudict.coding.encode import encode
from gpudict.learning.learn import learn
from gpudict.learning.records import Learned
from gpudict.objective.quadratic import relative_gap
from gpudict.solvers.records import Solution

BLOCK = 16_384  # patches coded at a time
CANDIDATES = 3  # patches looked at for each one to learn from
LEARNING, DENOISING = "learning the dictionary", "denoising the picture"

Report = Callable[[str, int, int], None]  # (stage, steps done, steps in all)


class Settings(NamedTuple):
    """What the job does, in units of the noise where there is a choice.

    Attributes
    ----------
    n_components : atoms k
    coder : 'omp', pursuit to an error that is noise, or 'lasso'
    sigma : standard deviation of the noise; pictures are in [0, 1]
    size : side of a patch, d = size²
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

    @property
    def noise(self) -> float:
        """The squared norm that a patch of noise rarely has more of."""
        return (1.1 * self.sigma * self.size) ** 2

    @property
    def learning_alpha(self) -> float:
        """The lasso's alpha for learning: the noise on a unit atom has the deviation sigma."""
        return 2.0 * self.sigma

    @property
    def coding(self) -> dict[str, float]:
        """The arguments of `encode` for a patch of the picture."""
        if self.coder == "omp":
            return {"target_error": self.noise}
        return {"alpha": 1.5 * self.sigma}


class Outcome(NamedTuple):
    """What the job made, all of it on the host.

    Attributes
    ----------
    noisy, denoised : (h, w), the pictures
    psnr : (before, after), in dB
    atoms : (k, d), the most used first
    objective : (n_iter,), of learning
    gap : the largest duality gap of a code, relative to ½‖x‖²: in the last iteration of learning
        and, with the lasso, in the picture
    n_samples, n_patches : patches learned from, patches of the picture
    seconds : (learning, denoising)
    """

    noisy: np.ndarray
    denoised: np.ndarray
    psnr: tuple[float, float]
    atoms: np.ndarray
    objective: np.ndarray
    gap: float
    n_samples: int
    n_patches: int
    seconds: tuple[float, float]


def denoising(
    clean: np.ndarray,
    settings: Settings,
    move: Callable[[np.ndarray], Array],
    report: Report = lambda stage, done, total: None,
) -> Outcome:
    """Add noise to a picture, learn a dictionary from the noisy copy alone, and denoise it.

    Parameters
    ----------
    clean : numpy.ndarray (h, w)
        The picture, in [0, 1]: it gives the noisy copy and the PSNR, and nothing else.
    settings : Settings
    move : callable
        Moves a NumPy array to the library and device to work on.
    report : callable
        Called with (stage, steps done, steps in all) as the work goes on.

    Returns
    -------
    Outcome
    """
    rng = np.random.default_rng(settings.seed)
    noisy = clean + settings.sigma * rng.standard_normal(clean.shape)
    began = time.perf_counter()
    learned = learn_atoms(move(training_patches(noisy, settings, rng)), settings, report)
    between = time.perf_counter()
    denoised, gap = denoise(noisy, learned.dictionary, settings, report)
    return Outcome(
        noisy=noisy,
        denoised=denoised,
        psnr=(psnr(noisy, clean), psnr(denoised, clean)),
        atoms=most_used_first(learned),
        objective=to_host(learned.objective),
        gap=max(gap, learned.history[-1].gap),
        n_samples=learned.code.shape[0],  # type: ignore[union-attr]
        n_patches=math.prod(side - settings.size + 1 for side in clean.shape),
        seconds=(between - began, time.perf_counter() - between),
    )


def patches(image: np.ndarray, size: int) -> np.ndarray:
    """Return every size × size patch of a picture (h, w), (n, size²), in the order of its rows."""
    return sliding_window_view(image, (size, size)).reshape(-1, size * size)


def overlap_add(rows: np.ndarray, shape: tuple[int, int], size: int) -> np.ndarray:
    """Return the picture (h, w) that sums the patches (n, size²) where they overlap.

    It is the adjoint of `patches`.
    """
    h, w = shape[0] - size + 1, shape[1] - size + 1
    image = np.zeros(shape)
    for pixel, (i, j) in enumerate(np.ndindex(size, size)):
        image[i : i + h, j : j + w] += rows[:, pixel].reshape(h, w)
    return image


def cover(shape: tuple[int, int], size: int) -> np.ndarray:
    """Return how many patches cover each pixel of a picture (h, w)."""
    n = (shape[0] - size + 1) * (shape[1] - size + 1)
    return overlap_add(np.broadcast_to(1.0, (n, size * size)), shape, size)


def centred(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the patches (n, d) without their means, in float32, and the means (n, 1)."""
    mean = rows.mean(axis=1, keepdims=True)
    return (rows - mean).astype(np.float32), mean


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB, for a peak of 1."""
    return float(-10 * np.log10(np.mean((image - reference) ** 2)))


def training_patches(image: np.ndarray, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Return random centred patches (m, d) with more energy than noise has, m ≤ n_samples."""
    size = settings.size
    windows = sliding_window_view(image, (size, size))
    n = windows.shape[0] * windows.shape[1]
    index = rng.choice(n, min(n, CANDIDATES * settings.n_samples), replace=False)
    rows, _ = centred(windows[np.unravel_index(index, windows.shape[:2])].reshape(-1, size * size))
    busy: np.ndarray = np.sum(rows * rows, axis=1) > settings.noise
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
    """Replace every patch of the picture (h, w) by its sparse approximation over the atoms V.

    Returns the denoised picture, and the largest relative duality gap of a code: 0 for a pursuit,
    which has none.
    """
    size, total = settings.size, np.zeros(image.shape)
    bands, gap = list(cut(image.shape, size)), 0.0
    for done, (top, bottom) in enumerate(bands):
        report(DENOISING, done, len(bands))
        band = image[top : bottom + size - 1]
        rows, mean = centred(patches(band, size))
        X = asarray_like(rows, V)
        found = encode(X, V, **settings.coding)  # type: ignore[arg-type]
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


def most_used_first(learned: Any) -> np.ndarray:
    """Return the atoms (k, d) on the host, by the energy of their codes."""
    xp = array_namespace(learned.code)
    use = to_host(xp.sum(learned.code**2, axis=0))
    return to_host(learned.dictionary)[np.argsort(-use)]
