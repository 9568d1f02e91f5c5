"""The path: what codes come to as alpha grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpudict.tools.plotting.look import BLUE, VERMILION, axes_of, dressed
from gpudict.tools.plotting.reading import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_path(alphas: Any, nonzeros: Any, explained: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw the non-zeros of a row, and the variance that codes explain, over alpha.

    Parameters
    ----------
    alphas : array-like (m,)
        The weights of ‖U‖₁, in any order.
    nonzeros : array-like (m,)
        The mean of the non-zeros of a row, for each.
    explained : array-like (m,), optional
        The share of the variance that is explained, 1 for all of it: drawn on an axis of its own,
        at the right.
    ax : matplotlib.axes.Axes, optional
        Where to draw; those of a new figure of pyplot by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes of the non-zeros; those of the variance share their x axis.

    Raises
    ------
    TypeError, ValueError
        The arrays don't fit each other.

    References
    ----------
    Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression, fig. 1: paths.

    Examples
    --------
    >>> import gpudict
    >>> from matplotlib.figure import Figure
    >>> ax = gpudict.plotting.plot_path(
    ...     [0.1, 0.2, 0.4], [9.0, 5.0, 1.0], [0.9, 0.7, 0.2], ax=Figure().add_subplot())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('alpha', 'non-zeros of a row')
    """
    x = numbers(alphas, "alphas", None, "codes")
    order = x.argsort()
    x = x[order]
    y = numbers(nonzeros, "nonzeros", x.size, "alphas")[order]
    ax = axes_of(ax)
    ax.plot(x, y, color=BLUE, linewidth=1.8, marker="o", markersize=4)
    ax.set_ylim(bottom=0)
    if x[0] > 0 and x[-1] >= 10 * x[0]:
        ax.set_xscale("log")
    dressed(ax, "alpha", "non-zeros of a row", "")
    if explained is not None:
        share = 100 * numbers(explained, "explained", x.size, "alphas")[order]
        right = ax.twinx()
        right.plot(x, share, "--", color=VERMILION, linewidth=1.8, marker="s", markersize=4)
        right.set_ylim(min(0.0, share.min()), max(100.0, share.max()))
        right.set_ylabel("explained variance (%)", color=VERMILION)
        right.tick_params(axis="y", colors=VERMILION)
        right.spines[["top", "left", "bottom", "right"]].set_visible(False)
        ax.yaxis.label.set_color(BLUE)
        ax.tick_params(axis="y", colors=BLUE)
    return ax
