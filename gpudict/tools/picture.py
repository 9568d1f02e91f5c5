"""The picture of a denoising: noisy, denoised, the atoms, and how learning converged.

It is drawn from plain host arrays onto a `Figure` of its own: no global state of matplotlib is
read or written, and no display is needed. The panels are placed by hand, so that the two columns
and the pictures' edges are in line. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpudict._writing import write_whole
from gpudict.tools.plotting.atoms import plot_atoms
from gpudict.tools.plotting.history import plot_history
from gpudict.tools.plotting.look import INK, bare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["denoising_figure", "save"]

WIDTH, DPI = 12.0, 150  # inches, and 1,800 pixels
TITLE_SIZE = 16  # points
MARGIN, GUTTER, TITLE = 0.12, 0.36, 0.42  # inches, as all lengths below
NUMBERS = (0.62, 0.30)  # room for those at the axes


def denoising_figure(
    noisy: np.ndarray,
    denoised: np.ndarray,
    atoms: np.ndarray,
    objective: np.ndarray,
    *,
    psnr: tuple[float, float],
    gap: float,
    credit: str = "",
) -> Figure:
    """Return the figure of four panels.

    Parameters
    ----------
    noisy, denoised : numpy.ndarray (h, w)
        The pictures, shown from black at 0 to white at 1.
    atoms : numpy.ndarray (k, d)
        The dictionary, the most used first; d is the square of the side of a patch.
    objective : numpy.ndarray (n_iter,)
        The objective of learning after each iteration.
    psnr : (before, after)
        In dB.
    gap : float
        The largest relative duality gap.
    credit : str
        A line in the lower margin.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    aspect = noisy.shape[1] / noisy.shape[0]
    width = (WIDTH - 2 * MARGIN - GUTTER) / 2
    height = width / aspect
    left, right = MARGIN, MARGIN + width + GUTTER
    low, high = GUTTER, 1.6 * GUTTER + height + TITLE
    figure = Figure(figsize=(WIDTH, high + height + TITLE), dpi=DPI, facecolor="white")

    for x, image, title in (
        (left, noisy, f"Noisy, {psnr[0]:.1f} dB"),
        (right, denoised, f"Denoised, {psnr[1]:.1f} dB"),
    ):
        _picture(_axes(figure, x, high, width, height), image, title)
    side = math.isqrt(atoms.shape[1])
    tiles = plot_atoms(
        atoms, (side, side), "image", most=len(atoms), ax=_axes(figure, left, low, width, height)
    )
    tiles.set_title(f"{len(atoms)} atoms, the most used first", fontsize=TITLE_SIZE, color=INK)
    dx, dy = NUMBERS
    note = f"½‖X − UV‖² + α‖U‖₁\nlargest duality gap {gap:.1e}·½‖x‖²"
    _curve(_axes(figure, right + dx, low + dy, width - dx, height - dy), objective, note)
    figure.text(MARGIN / WIDTH, 0.01, credit, fontsize=9, color=INK)
    return figure


def save(figure: Figure, path: str | Path, **options: Any) -> None:
    """Write the figure as a PNG, whatever the name ends in; the options are those of `savefig`."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", **options)
    write_whole(path, drawn.getvalue())


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Any:
    w, h = figure.get_size_inches()
    return figure.add_axes((x / w, y / h, width / w, height / h))


def _picture(axes: Any, image: np.ndarray, title: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_anchor("N")
    bare(axes, title).title.set_fontsize(TITLE_SIZE)


def _curve(axes: Any, objective: np.ndarray, note: str) -> None:
    plot_history(objective, scale="linear", ax=axes)
    axes.lines[0].set(linewidth=2.4, markersize=6.5)
    axes.set(xlabel="", ylabel="")
    axes.set_title("Objective of learning, by iteration", fontsize=TITLE_SIZE, color=INK)
    corner = {"x": 0.98, "y": 0.95, "ha": "right", "va": "top", "linespacing": 1.6}
    corner["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    axes.text(s=note, transform=axes.transAxes, fontsize=14, color=INK, **corner)
    axes.tick_params(labelsize=13)
