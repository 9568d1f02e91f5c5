"""Rows of a stream in chunks: each is read for a job on a thread, while one before is at work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from gpudict.arrays import check
from gpudict.arrays.chunks.contract import standing_for
from gpudict.arrays.chunks.loop import Loop
from gpudict.arrays.door import Array
from gpudict.arrays.home import home
from gpudict.arrays.sources.ahead import ahead
from gpudict.arrays.sources.mixing import MIXED
from gpudict.arrays.sources.progress import shown
from gpudict.arrays.sources.stream import Stream


def streamed(stream: Stream) -> Loop:
    """Return the rows of a stream of what is read in slices, as often as they are asked for."""
    if stream.shape is None:
        raise TypeError(
            "X is a stream of an iterable, and all rows are read in each iteration here. Pass "
            "a stream of what is sliced, or of files, or the iterable to learn_online."
        )
    table, n = stream.table, stream.shape[0]
    cuts = list(pairwise([*range(0, n, stream.batch_size or max(1, MIXED // table.row_bytes)), n]))

    def rows(some: Sequence[int]) -> Iterator[tuple[int, Array]]:
        read = ahead((i, stream.move(table.rows(*cuts[i]))) for i in some)
        return shown(read, table.row_bytes, sum(cuts[i][1] - cuts[i][0] for i in some))

    first = stream.move(table.rows(0, 1))
    with home(first):
        like = standing_for(check.samples(first, "the first row of X"), n)
    sizes = tuple(high - low for low, high in cuts)
    return Loop(sizes, like, f"{table.name} in {len(cuts)} batches", rows, alone=True)
