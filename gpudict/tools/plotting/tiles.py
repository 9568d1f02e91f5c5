"""Images side by side in one, with gaps between them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mosaic(images: np.ndarray, columns: int, gap: tuple[int, int] = (1, 1)) -> np.ndarray:
    """Return images (k, h, w) or (k, h, w, c) as tiles, row after row, NaN between them.

    The gap is of so many pixels below and to the right of each, but not at the end.
    """
    k, h, w, *colours = images.shape
    rows, (below, right) = math.ceil(k / columns), gap
    tiles = np.full((rows * columns, h + below, w + right, *colours), np.nan)
    tiles[:k, :h, :w] = images
    grid = tiles.reshape(rows, columns, h + below, w + right, *colours).swapaxes(1, 2)
    return grid.reshape(rows * (h + below), columns * (w + right), *colours)[:-below, :-right]


def columns_for(ax: Axes, k: int, shape: tuple[int, int]) -> int:
    """Return how many columns let k tiles of a shape (h, w) fill the Axes."""
    box = ax.get_window_extent()
    aspect = box.width / box.height * shape[0] / shape[1]
    return min(k, max(1, math.ceil(math.sqrt(k * aspect))))
