"""Pictures as rows: the patches of one, their means apart, and the picture that they sum to.

A picture is (h, w), or (h, w, c) in colour. Its patches are (n, d), d = size²·c, in the order of
its rows; the channels of a pixel are side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gpudict.arrays.sources.table import Table


def windows(image: np.ndarray, size: int) -> np.ndarray:
    """Return a view of every patch of a picture: (h', w', size, size), and c in colour."""
    if min(image.shape[:2]) < size:
        h, w = image.shape[:2]
        raise ValueError(
            f"The picture has {w} × {h} pixels, and its patches are to have {size} × {size}. Pass "
            "a smaller --patch-size, or a larger picture."
        )
    cut = sliding_window_view(image, (size, size), axis=(0, 1))
    return np.moveaxis(cut, (-2, -1), (2, 3))


def patches(image: np.ndarray, size: int) -> np.ndarray:
    """Return every patch of a picture, (n, d)."""
    cut = windows(image, size)
    return cut.reshape(cut.shape[0] * cut.shape[1], -1)


def overlap_add(rows: np.ndarray, shape: tuple[int, ...], size: int) -> np.ndarray:
    """Return the picture that sums the patches (n, d) where they overlap.

    It is the adjoint of `patches`.
    """
    h, w, channels = shape[0] - size + 1, shape[1] - size + 1, shape[2:]
    image, cut = np.zeros(shape), rows.reshape(h, w, size, size, *channels)
    for i, j in np.ndindex(size, size):
        image[i : i + h, j : j + w] += cut[:, :, i, j]
    return image


def cover(shape: tuple[int, ...], size: int) -> np.ndarray:
    """Return how many patches cover each pixel of a picture, (h, w) or (h, w, 1)."""
    h, w = shape[:2]
    n = (h - size + 1) * (w - size + 1)
    counts = overlap_add(np.broadcast_to(1.0, (n, size * size)), (h, w), size)
    return counts.reshape(h, w, *[1] * len(shape[2:]))


def centred(rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return patches (n, d) without the means of their channels, in float32, and these, (n, d)."""
    channels = rows.reshape(len(rows), size * size, -1)
    mean = np.broadcast_to(channels.mean(axis=1, keepdims=True), channels.shape)
    return (channels - mean).reshape(rows.shape).astype(np.float32), mean.reshape(rows.shape)


def table(name: str, image: np.ndarray, size: int) -> Table:
    """Return the centred patches of a picture as rows that are cut as they are needed."""
    cut = windows(image, size)
    n, d = cut.shape[0] * cut.shape[1], int(np.prod(cut.shape[2:]))

    def read(low: int, high: int) -> np.ndarray:
        index = np.unravel_index(np.arange(low, high), cut.shape[:2])
        return centred(cut[index].reshape(high - low, d), size)[0]

    return Table(name, (n, d), np.dtype(np.float32), read)
