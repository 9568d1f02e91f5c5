"""`gpudict denoise`: a picture, denoised by atoms that are learned from it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from gpudict.tools.commands import options
from gpudict.tools.commands.telling import tell
from gpudict.tools.streams import Refused, refusing, reserve, writing


def denoise(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="picture, grey or in colour")],
    output: Annotated[Path, options.output("IMAGE", "what to write")],
    sigma: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0,
            help="standard deviation of the noise, where white is 255 (65535 of 16 bits); "
            "by default as it is estimated",
        ),
    ] = None,
    coder: options.Coder = "omp",
    n_components: options.Atoms = 256,
    patch_size: options.PatchSize = 8,
    seed: options.Seed = 0,
    backend: options.Backend = "numpy",
    device: options.Device = None,
    as_json: options.Json = False,
) -> None:
    """Denoise a picture by atoms that are learned from it alone.

    \b
    Examples:
      gpudict denoise noisy.png -o clean.png
      gpudict denoise scan.tif -o clean.tif --sigma 12 --patch-size 12 -k 512
    """
    import numpy as np

    from gpudict.tools import denoising, images
    from gpudict.tools.commands.data import mover
    from gpudict.tools.commands.progress import bars

    began = time.perf_counter()
    with refusing():
        if not images.is_picture(output):
            raise Refused(f"{output} is no name of a picture. Let it end in {images.endings()}.")
        pixels, white = images.read(image)
    reserve("The picture", output)
    move = mover(backend, device)
    noise = denoising.noise_of(pixels) if sigma is None else sigma / white
    if not noise > 0:
        raise Refused(f"No noise was found in {image}. Say how much there is, by --sigma.")
    settings = denoising.Settings(n_components, coder, noise, patch_size, seed=seed)
    with refusing(), bars() as report:
        X = denoising.training_patches(pixels, settings, np.random.default_rng(seed))
        if len(X) == 0:
            raise Refused(f"No patch of {image} has more than noise. Pass a smaller --sigma.")
        learned = denoising.learn_atoms(move(X), settings, report)
        clean, gap = denoising.denoise(pixels, learned.dictionary, settings, report)
    with writing("The picture", output):
        images.write(output, images.Picture(clean, white))
    facts = {
        "pixels": pixels.shape[0] * pixels.shape[1],
        "sigma": noise * white,
        "atoms": n_components,
        "samples": len(X),
        "largest_gap": max(gap, learned.history[-1].gap),
        "seconds": time.perf_counter() - began,
        "picture": str(output),
    }
    tell(facts, as_json=as_json)
