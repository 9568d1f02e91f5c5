"""`gpudict demo`: learn a dictionary from a noisy photograph, denoise it, and draw the result."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gpudict.tools.commands import options
from gpudict.tools.commands.telling import show, write_json
from gpudict.tools.streams import Missing, reserve, writing

if TYPE_CHECKING:
    from gpudict.tools.demo import Outcome
    from gpudict.tools.denoising import Settings

EXTRA = {"rich": "rich", "matplotlib": "matplotlib", "PIL": "pillow"}  # modules, and what has them
CREDIT = "Photograph: danielbuechele, CC BY 2.0"


def demo(
    backend: options.Backend = "numpy",
    device: options.Device = None,
    coder: options.Coder = "omp",
    n_components: options.Atoms = 256,
    seed: options.Seed = 0,
    output: Annotated[Path, options.output("PNG", "what to draw")] = Path("gpudict-demo.png"),
    as_json: options.Json = False,
) -> None:
    """Learn from a noisy photograph, denoise it, and draw the result.

    \b
    Examples:
      gpudict demo
      gpudict demo --backend torch --device cuda --coder lasso -o demo.png
    """
    _require_extra()
    from gpudict.datasets import photograph
    from gpudict.tools.commands.data import mover
    from gpudict.tools.commands.progress import bars
    from gpudict.tools.demo import denoising
    from gpudict.tools.denoising import Settings
    from gpudict.tools.picture import denoising_figure, save

    reserve("The picture", output)
    move = mover(backend, device)
    settings = Settings(n_components, coder, seed=seed)
    began = time.perf_counter()
    with bars() as report:
        outcome = denoising(photograph(), settings, move, report)
    figure = denoising_figure(
        outcome.noisy,
        outcome.denoised,
        outcome.atoms,
        outcome.objective,
        psnr=outcome.psnr,
        gap=outcome.gap,
        credit=CREDIT,
    )
    with writing("The picture", output):
        save(figure, output)
    seconds = time.perf_counter() - began
    if as_json:
        write_json(_facts(outcome, seconds) | {"picture": str(output)})
    else:
        show([*_summary(outcome, settings, seconds).items(), ("picture", str(output))])


def _require_extra() -> None:
    absent = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if absent:
        raise Missing(
            f"The demo needs {' and '.join(absent)}, not installed here. "
            f"Install what it needs with: python -m pip install {' '.join(EXTRA.values())}"
        )


def _facts(outcome: Outcome, seconds: float) -> dict[str, object]:
    """Return the figures, for programs."""
    return {
        "atoms": len(outcome.atoms),
        "samples": outcome.n_samples,
        "patches": outcome.n_patches,
        "objective": outcome.objective.tolist(),
        "largest_gap": outcome.gap,
        "psnr_before": outcome.psnr[0],
        "psnr_after": outcome.psnr[1],
        "seconds": seconds,
    }


def _summary(outcome: Outcome, settings: Settings, seconds: float) -> dict[str, str]:
    """Return what there is to say, in the order to say it."""
    (before, after), (learning, denoising) = outcome.psnr, outcome.seconds
    objective, (height, width) = outcome.objective, outcome.noisy.shape
    return {
        "photograph": f"{width} × {height}, {outcome.n_patches:,} patches, "
        f"noise of {settings.sigma * 255:.0f}/255 added",
        "dictionary": f"{len(outcome.atoms)} atoms, learned from {outcome.n_samples:,} patches of "
        "the noisy copy",
        "objective": f"{objective[0]:.1f} at first, {objective[-1]:.1f} after {objective.size} "
        "iterations",
        "largest gap": f"{outcome.gap:.1e} of half the squared norm of a patch",
        "PSNR": f"{before:.2f} dB before, {after:.2f} dB after: {after - before:+.2f} dB",
        "time": f"{learning:.1f} s learning, {denoising:.1f} s denoising, {seconds:.1f} s in all",
    }
