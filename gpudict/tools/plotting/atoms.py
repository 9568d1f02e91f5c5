"""Atoms: as images, as series one below the other, or as spectra over a common axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gpudict.arrays import parameters
from gpudict.tools.plotting.look import BLUE, COLOURS, INK, PALE, axes_of, bare, dressed
from gpudict.tools.plotting.reading import atoms_of, numbers, use_of
from gpudict.tools.plotting.tiles import columns_for, mosaic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = {"image": 256, "series": 24, "spectrum": 8}  # atoms that can be told apart
LINES = ("-", "--", ":", "-.")


def plot_atoms(
    V: Any,
    shape: tuple[int, ...] | None = None,
    kind: str = "auto",
    *,
    use: Any = None,
    most: int | None = None,
    x: Any = None,
    xlabel: str = "feature",
    ax: Axes | None = None,
) -> Axes:
    """Draw atoms as images, as series or as spectra.

    Parameters
    ----------
    V : array (k, d), fitted estimator or Learned
        The atoms, of any array library.
    shape : (h, w) or (h, w, 3), optional
        The image that an atom is; with 3 its colours are red, green and blue. (√d, √d) by default.
    kind : 'auto', 'image', 'series' or 'spectrum'
        'image' draws tiles. Each has its own scale, with 0 in the middle grey; atoms of which none
        is negative go from black at 0 to white. 'series' draws a line an atom, one below the other
        in one scale. 'spectrum' draws all lines over one axis. 'auto' is 'spectrum' where `x` is
        given, 'image' where `shape` is or d is a square from 9 on, and else 'series'.
    use : array (k,), optional
        How much each atom is used: the most used is drawn first. By default the energy of its
        codes, where V is a model that holds codes or learned online, and else the order of V.
    most : int, optional
        The most atoms to draw; 256 images, 24 series or 8 spectra by default.
    x : array (d,), optional
        Where the features lie, such as wavelengths, for series and spectra.
    xlabel : str
        What x is, with its unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; those of a new figure of pyplot by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the atoms.

    Raises
    ------
    TypeError, ValueError
        V holds no atoms, or the shape, x or use don't fit them.

    References
    ----------
    Olshausen and Field (1996), https://doi.org/10.1038/381607a0, fig. 4: atoms as images.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from matplotlib.figure import Figure
    >>> V = np.random.default_rng(0).standard_normal((12, 16))
    >>> ax = gpudict.plotting.plot_atoms(V, ax=Figure().add_subplot())
    >>> ax.get_title()
    '12 atoms'
    """
    kind = parameters.choice(kind, "kind", ("auto", *MOST))
    atoms = atoms_of(V)
    k, d = atoms.shape
    where = np.arange(d) if x is None else numbers(x, "x", d, "features")
    if kind == "auto":
        square = d >= 9 and math.isqrt(d) ** 2 == d
        kind = "spectrum" if x is not None else "image" if shape or square else "series"
    use = use_of(V) if use is None else numbers(use, "use", k, "atoms")
    order = np.arange(k) if use is None else np.argsort(-use, kind="stable")
    most = MOST[kind] if most is None else parameters.count(most, "most")
    order = order[:most]
    title = f"{k:,} atoms" if k <= most else f"{most:,} of {k:,} atoms"
    title += "" if use is None else ", the most used first"
    if kind == "image":
        images = atoms[order].reshape(len(order), *_image(d, shape))
        return _images(axes_of(ax), images, title)
    draw, ylabel = {"series": (_series, "atom"), "spectrum": (_spectra, "amplitude")}[kind]
    return dressed(draw(axes_of(ax), where, atoms, order), xlabel, ylabel, title)


def _images(ax: Axes, images: np.ndarray, title: str) -> Axes:
    """Draw images (m, h, w) or (m, h, w, 3), each in its own scale."""
    scale = np.max(np.abs(images), axis=tuple(range(1, images.ndim)), keepdims=True)
    images = images / np.where(scale > 0, scale, 1)
    if np.any(images < 0):
        images = 0.5 + 0.5 * images
    tiles = mosaic(images, columns_for(ax, len(images), images.shape[1:3]))
    if tiles.ndim == 3:  # gaps are where nothing is, and images in colour have no NaN for that
        there = np.isfinite(tiles[..., :1])
        tiles = np.concatenate([np.where(there, tiles, 1), there], axis=2)
    ax.imshow(tiles, cmap="gray", vmin=0, vmax=1, interpolation="none")
    ax.set_anchor("N")
    return bare(ax, title)


def _series(ax: Axes, x: np.ndarray, atoms: np.ndarray, order: np.ndarray) -> Axes:
    """Draw the atoms one below the other, each around its own zero."""
    shown = atoms[order]
    lowest, highest = min(shown.min(), 0.0), max(shown.max(), 0.0)
    step = 1.1 * (highest - lowest) or 1.0
    base = -step * np.arange(len(order))
    ax.hlines(base, x.min(), x.max(), color=PALE, linewidth=0.8)
    marker = "." if len(x) <= 30 else ""
    for height, atom in zip(base, shown, strict=True):
        ax.plot(x, height + atom, color=BLUE, linewidth=1.2, marker=marker, markersize=4)
    ax.set_yticks(base, [str(number) for number in order])
    ax.set_ylim(base[-1] + lowest - 0.1 * step, highest + 0.1 * step)
    return ax


def _spectra(ax: Axes, x: np.ndarray, atoms: np.ndarray, order: np.ndarray) -> Axes:
    """Draw the atoms over each other."""
    ax.axhline(0, color=INK, linewidth=0.8)
    for i, number in enumerate(order):
        line = LINES[i // len(COLOURS) % len(LINES)]
        colour = COLOURS[i % len(COLOURS)]
        ax.plot(x, atoms[number], line, color=colour, linewidth=1.6, label=f"atom {number}")
    ax.legend(framealpha=0.8, edgecolor="none", labelcolor=INK, fontsize="small", ncols=2)
    return ax


def _image(d: int, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the shape of the image that an atom of d features is."""
    side = math.isqrt(d)
    shape = (side, side) if shape is None else tuple(shape)
    if math.prod(shape) == d and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        return shape
    raise ValueError(
        f"Atoms of {d} features came, and shape {shape}. Pass shape=(h, w) with h·w = {d}, or "
        f"(h, w, 3) with 3·h·w = {d} for colours; or kind='series'."
    )
