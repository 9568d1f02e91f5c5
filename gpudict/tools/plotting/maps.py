"""Maps: codes of pixels, put back where the pixels are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gpudict.arrays.door import is_array, to_host
from gpudict.tools.plotting.look import INK, axes_of, bare
from gpudict.tools.plotting.reading import Tally, columns_of
from gpudict.tools.plotting.tiles import columns_for, mosaic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 16  # maps, unless more are asked for
SCALE = 99  # per cent of the non-zeros are on the scale: a few may be very large
LABEL = 0.16  # of the height of a map, for its number above it


def plot_maps(code: Any, where: Any, *, components: Any = None, ax: Axes | None = None) -> Axes:
    """Draw the codes of each atom as an image, side by side in one scale.

    Parameters
    ----------
    code : array (n, k), sparse matrix, stream, Solution or Learned
        The codes, a pixel a row, of any array library.
    where : (h, w), or array (h, w) of bool
        The shape of the image that the rows fill one row of pixels after the other, h·w = n; or the
        mask of its pixels, of which n are True and have a code.
    components : sequence of int, optional
        The atoms to show; by default those 16, at most, whose codes have the most energy.
    ax : matplotlib.axes.Axes, optional
        Where to draw; those of a new figure of pyplot by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the maps and, beside it, the scale, which ends where 99 % of the non-zeros do.
        Where some codes are negative 0 is its middle. Pixels that the mask leaves out are blank.

    Raises
    ------
    TypeError, ValueError
        The codes don't fit the image, or there is no such atom.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, eq. 4: codes.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from matplotlib.figure import Figure
    >>> code = np.arange(12.0).reshape(6, 2)
    >>> ax = gpudict.plotting.plot_maps(code, (2, 3), ax=Figure().add_subplot())
    >>> [label.get_text() for label in ax.texts]
    ['atom 1', 'atom 0']
    """
    mask = _mask(where)
    tally = Tally.of(code)
    n, k = len(tally.nonzeros), len(tally.rows)
    if int(mask.sum()) != n:
        raise ValueError(
            f"{n} codes came for {int(mask.sum())} pixels (of {mask.shape}). Pass a code for each "
            "pixel of the shape, or the mask of the pixels that have one."
        )
    shown = tally.most_used[:MOST] if components is None else np.asarray(components)
    if shown.ndim != 1 or not shown.size or shown.dtype.kind not in "iu":
        raise ValueError(f"components is {components!r}. Pass the numbers of some atoms.")
    if shown.min() < 0 or shown.max() >= k:
        raise ValueError(f"components has {shown.tolist()}, and atoms are from 0 to {k - 1}.")
    maps = np.full((len(shown), *mask.shape), np.nan)
    maps[:, mask] = columns_of(code, shown).T
    return _drawn(axes_of(ax), maps, [f"atom {number}" for number in shown])


def _drawn(ax: Axes, maps: np.ndarray, names: list[str]) -> Axes:
    """Draw maps (m, h, w) as tiles with names above them."""
    h, w = maps.shape[1:]
    gap = max(1, math.ceil(LABEL * h)), max(1, math.ceil(0.05 * w))
    columns = columns_for(ax, len(maps), (h + gap[0], w + gap[1]))
    sizes = np.abs(maps[np.isfinite(maps) & (maps != 0)])
    largest = float(np.percentile(sizes, SCALE)) if sizes.size else 1.0
    signed = bool(np.any(maps < 0))
    beyond = ("both" if signed else "max") if np.any(sizes > largest) else "neither"
    image = ax.imshow(
        mosaic(maps, columns, gap),
        cmap="PuOr" if signed else "viridis",
        vmin=-largest if signed else 0.0,
        vmax=largest,
        interpolation="none",
    )
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        place = column * (w + gap[1]) - 0.5, row * (h + gap[0]) - 0.5
        ax.annotate(name, place, (0, 2), textcoords="offset points", color=INK, fontsize="small")
    ax.figure.colorbar(image, ax=ax, label="code", extend=beyond).outline.set_visible(False)
    return bare(ax, "")


def _mask(where: Any) -> np.ndarray:
    """Return the mask (h, w) of the pixels that have a code."""
    given = np.asarray(to_host(where) if is_array(where) else where)
    if given.ndim == 2 and given.dtype == np.bool_:
        return given
    if given.shape == (2,) and given.dtype.kind in "iu" and given.min() > 0:
        return np.ones(given, np.bool_)
    raise ValueError(
        "where is neither the shape (h, w) of an image nor a mask (h, w) of bool. Pass one of them."
    )
