"""Pictures as SVG that stands in a page: drawn alike everywhere, in the colours of the page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from gpudict.tools.plotting.look import BLUE, INK, PALE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (4.8, 3.2)  # inches: on a phone letters are then as large as the text's
NAMES = {INK: "ink", PALE: "grid", BLUE: "blue", VERMILION: "vermilion", "#ffffff": "paper"}
SPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
WORDS = {"svg.fonttype": "none", "svg.hashsalt": "gpudict", "font.size": 10}


class Picture(NamedTuple):
    """A figure of the page: a heading, the SVG, and what it shows, in a sentence."""

    title: str
    svg: str
    caption: str


def picture(
    title: str, caption: str, draw: Callable[[Axes], Any], size: tuple[float, float] = SIZE
) -> Picture:
    """Return what `draw` puts into Axes, whose title becomes the caption if there is no other."""
    import matplotlib
    from matplotlib.figure import Figure

    drawn = io.StringIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(WORDS)
        figure = Figure(figsize=size, layout="constrained")
        draw(ax := figure.add_subplot())
        caption = caption or f"{ax.get_title()}."
        ax.set_title("")
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    names = f": {ax.get_ylabel()} over {ax.get_xlabel()}" if ax.axison else ""
    return Picture(title, _inline(drawn.getvalue(), title, f"{title}{names}"), caption)


def _inline(svg: str, title: str, alternative: str) -> str:
    """Return an SVG as an element of a page, its names its own, its colours the page's."""
    svg = svg[svg.index("<svg") :]
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None
    name = re.sub(r"\W+", "-", title.lower())
    head = f'<svg role="img" aria-label="{escape(alternative)}" {box[0]} {SPACES}>'
    svg = head + svg[svg.index(">") + 1 :]
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for colour, ours in NAMES.items():
        svg = svg.replace(f": {colour}", f": var(--{ours})")
    return svg
