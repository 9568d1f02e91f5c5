"""Codes: how many non-zeros the rows have, and how many rows use each atom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpudict.tools.plotting.look import BLUE, VERMILION, axes_of, dressed, whole_numbers
from gpudict.tools.plotting.reading import Tally

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = 60  # at most, each of them a whole number of non-zeros wide


def plot_sparsity(code: Any, *, ax: Axes | None = None) -> Axes:
    """Draw how many rows have how many non-zeros.

    Parameters
    ----------
    code : array (n, k), sparse matrix, stream, Solution or Learned
        The codes, of any array library.
    ax : matplotlib.axes.Axes, optional
        Where to draw; those of a new figure of pyplot by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the histogram: a bar a number, or some numbers where there are very many.

    Raises
    ------
    TypeError, ValueError
        There are no codes.

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso: why codes have zeros.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from matplotlib.figure import Figure
    >>> code = np.array([[1.0, 0.0, -2.0], [0.0, 3.0, 0.0]])
    >>> ax = gpudict.plotting.plot_sparsity(code, ax=Figure().add_subplot())
    >>> [int(bar.get_height()) for bar in ax.patches]
    [1, 1]
    """
    tally = code if isinstance(code, Tally) else Tally.of(code)
    nonzeros, k = tally.nonzeros, len(tally.rows)
    low, high = (int(nonzeros.min()), int(nonzeros.max())) if nonzeros.size else (0, 0)
    wide = -(-(high - low + 1) // BARS)
    edges = np.arange(low, high + wide + 1, wide) - 0.5
    ax = axes_of(ax)
    ax.hist(nonzeros, bins=edges.tolist(), color=BLUE, edgecolor="white", linewidth=0.4)
    ax.set_xlim(min(edges[0], low - 2.5), max(edges[-1], high + 2.5))
    whole_numbers(ax.xaxis)
    whole_numbers(ax.yaxis)
    middle = np.median(nonzeros) if nonzeros.size else 0
    ax.axvline(middle, color=VERMILION, linewidth=1.6, linestyle="--")
    title = f"A row has {middle:g} non-zeros of {k:,} (median)"
    return dressed(ax, "non-zeros of a row", "rows", title, grid="y")


def plot_use(code: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the share of rows that use each atom, the most used first.

    Parameters
    ----------
    code : array (n, k), sparse matrix, stream, Solution or Learned
        The codes, of any array library.
    ax : matplotlib.axes.Axes, optional
        Where to draw; those of a new figure of pyplot by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with one line of k steps. The title says how many atoms no row uses.

    Raises
    ------
    TypeError, ValueError
        There are no codes.

    References
    ----------
    Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, section 3.4:
    atoms that are hardly used.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from matplotlib.figure import Figure
    >>> code = np.array([[1.0, 0.0, -2.0], [0.0, 0.0, 3.0]])
    >>> ax = gpudict.plotting.plot_use(code, ax=Figure().add_subplot())
    >>> ax.get_title()
    '1 of 3 atoms is used by no row'
    """
    tally = code if isinstance(code, Tally) else Tally.of(code)
    n, k = len(tally.nonzeros), len(tally.rows)
    share = 100 * np.sort(tally.rows)[::-1] / max(1, n)
    dead = int(np.sum(tally.rows == 0))
    ax = axes_of(ax)
    ax.stairs(share, np.arange(k + 1) + 0.5, fill=True, color=BLUE, alpha=0.25, linewidth=0)
    ax.stairs(share, np.arange(k + 1) + 0.5, color=BLUE, linewidth=1.6)
    ax.set_xlim(0.5, k + 0.5)
    ax.set_ylim(bottom=0)
    whole_numbers(ax.xaxis)
    if not dead:
        title = f"All {k:,} atoms are used"
    else:
        title = f"{dead:,} of {k:,} atoms {'is' if dead == 1 else 'are'} used by no row"
    return dressed(ax, "atoms, the most used first", "rows that use it (%)", title)
