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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["denoising_figure", "mosaic", "save"]

BLUE = "#0072b2"  # Okabe and Ito's, told apart by everyone
INK, PALE = "#333333", "#d9d9d9"
WIDTH, DPI = 12.0, 150  # inches, and 1,800 pixels
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

    columns = math.ceil(math.sqrt(atoms.shape[0] * aspect))
    for x, y, image, title in (
        (left, high, noisy, f"Noisy, {psnr[0]:.1f} dB"),
        (right, high, denoised, f"Denoised, {psnr[1]:.1f} dB"),
        (left, low, mosaic(atoms, columns), f"{atoms.shape[0]} atoms, the most used first"),
    ):
        _picture(_axes(figure, x, y, width, height), image, title)
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


def mosaic(atoms: np.ndarray, columns: int) -> np.ndarray:
    """Return the atoms (k, d) as tiles in [0, 1], NaN between them, row after row.

    Each has its own scale, the same in both directions, so that 0 is the middle grey.
    """
    k, side = atoms.shape[0], math.isqrt(atoms.shape[1])
    rows = math.ceil(k / columns)
    tiles = np.full((rows * columns, side + 1, side + 1), np.nan)
    scale = np.max(np.abs(atoms), axis=1, keepdims=True)
    tiles[:k, :side, :side] = (0.5 + 0.5 * atoms / scale).reshape(k, side, side)
    grid = tiles.reshape(rows, columns, side + 1, side + 1).swapaxes(1, 2)
    return grid.reshape(rows * (side + 1), columns * (side + 1))[:-1, :-1]


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Any:
    w, h = figure.get_size_inches()
    return figure.add_axes((x / w, y / h, width / w, height / h))


def _picture(axes: Any, image: np.ndarray, title: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_anchor("N")
    axes.set_title(title, fontsize=16, color=INK)
    axes.set_axis_off()


def _curve(axes: Any, objective: np.ndarray, note: str) -> None:
    iteration = np.arange(1, objective.size + 1)
    axes.plot(iteration, objective, color=BLUE, linewidth=2.4, marker="o", markersize=6.5)
    axes.set_title("Objective of learning, by iteration", fontsize=16, color=INK)
    corner = {"x": 0.98, "y": 0.95, "ha": "right", "va": "top", "linespacing": 1.6}
    corner["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    axes.text(s=note, transform=axes.transAxes, fontsize=14, color=INK, **corner)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(labelsize=13, colors=INK)
    axes.grid(color=PALE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
