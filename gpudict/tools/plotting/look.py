"""How every picture looks: its colours, and Axes with names and little else."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, VERMILION = "#0072b2", "#d55e00"  # Okabe and Ito's, told apart by everyone
COLOURS = (BLUE, VERMILION, "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
INK, PALE = "#333333", "#d9d9d9"


def axes_of(ax: Axes | None) -> Axes:
    """Return the Axes that were given, or those of a new figure of pyplot.

    Raises
    ------
    ModuleNotFoundError
        matplotlib is not installed.
    """
    if ax is not None:
        return ax
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError(
            "gpudict.plotting needs matplotlib, which is not installed. Install it with: "
            "python -m pip install matplotlib",
            name="matplotlib",
        )
    from matplotlib import pyplot

    new: Axes = pyplot.figure(layout="constrained").add_subplot()
    return new


def dressed(
    ax: Axes,
    xlabel: str,
    ylabel: str,
    title: str,
    *,
    grid: Literal["both", "x", "y"] | None = "both",
) -> Axes:
    """Return the Axes with their names, a pale grid behind the data or none, and two spines."""
    ax.set_xlabel(xlabel, color=INK)
    ax.set_ylabel(ylabel, color=INK)
    ax.set_title(title, color=INK)
    ax.tick_params(colors=INK, which="both")
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(axis=grid, color=PALE, linewidth=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(INK)
    return ax


def bare(ax: Axes, title: str) -> Axes:
    """Return the Axes of images, which have a title and nothing else."""
    ax.set_title(title, color=INK)
    ax.set_axis_off()
    return ax


def whole_numbers(axis: Any) -> None:
    """Let the ticks of an axis that counts be whole numbers, their thousands apart."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
