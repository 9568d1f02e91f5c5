"""The main job, end to end: learn a dictionary from a noisy picture, and denoise it with it.

`denoising` is the job, on a picture that noise is added to, so that it can be judged. It reports
what it has done to a callable, so it knows nothing of terminals.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays.door import Array, array_namespace, to_host
from gpudict.tools.denoising import Report, Settings, denoise, learn_atoms, training_patches


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


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB, for a peak of 1."""
    return float(-10 * np.log10(np.mean((image - reference) ** 2)))


def most_used_first(learned: Any) -> np.ndarray:
    """Return the atoms (k, d) on the host, by the energy of their codes."""
    xp = array_namespace(learned.code)
    use = to_host(xp.sum(learned.code**2, axis=0))
    return to_host(learned.dictionary)[np.argsort(-use)]
