"""Rows without order, of what is read in blocks: blocks are drawn, and some at a time mixed.

A block lies whole in what it is read from. The next blocks are read while rows of the last ones are
used, so that a slow source and the work on its rows go on side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gpudict.arrays.sources.ahead import ahead
from gpudict.arrays.sources.table import Table

BLOCK = 2**18  # bytes that are read at once, or more: less takes a disk about as long
MIXED = 2**24  # bytes of a batch, where nobody says, and of blocks of which the rows are mixed


def mixed(table: Table, size: int, rng: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of rows without order, (b,) and (b, d): their numbers, and they."""
    n, d = table.shape
    row = table.row_bytes
    block = table.chunk * math.ceil(max(1, BLOCK // row) / table.chunk)
    some = max(1, max(MIXED // row, size) // block)
    starts = rng.permutation(math.ceil(n / block)) * block

    def blocks(first: int) -> tuple[np.ndarray, list[np.ndarray]]:
        here = starts[first : first + some]
        parts = [table.rows(int(low), min(int(low) + block, n)) for low in here]
        return np.concatenate([np.arange(low, min(low + block, n)) for low in here]), parts

    numbers, rows, left = np.zeros(0, np.int64), np.zeros((0, d), table.dtype), n
    for new, parts in ahead(map(blocks, range(0, len(starts), some)), 1):
        order = rng.permutation(len(new) + len(numbers))
        numbers = np.concatenate([numbers, new])[order]
        rows = np.concatenate([rows, *parts])[order]
        left -= len(new)
        whole = len(rows) - len(rows) % size if left else len(rows)
        for low in range(0, whole, size):
            high = min(low + size, whole)
            yield numbers[low:high], rows[low:high]
        numbers, rows = numbers[whole:], rows[whole:]
