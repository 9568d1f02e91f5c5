"""Rows of a table that is read as it is needed, in chunks: one after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gpudict.arrays import check
from gpudict.arrays.chunks.loop import stacked
from gpudict.arrays.door import Array, array_namespace
from gpudict.arrays.home import home
from gpudict.arrays.sources.ahead import ahead
from gpudict.arrays.sources.stream import MIXED, Stream, row_bytes


class StreamChunks:
    """The chunks of a stream: each is read for a job, on a thread, while one before is at work."""

    alone = True

    def __init__(self, stream: Stream) -> None:
        if stream.shape is None:
            raise TypeError(
                "X is a stream of an iterable, and all rows are read in each iteration here. Pass "
                "a stream of what is sliced, or of files, or the iterable to learn_online."
            )
        self.stream, (n, _) = stream, stream.shape
        size = min(n, stream.batch_size or max(1, MIXED // row_bytes(stream.table)))
        self.ends = [*range(0, n, size), n]
        self.sizes = tuple(b - a for a, b in zip(self.ends[:-1], self.ends[1:], strict=True))
        first = stream.move(stream.table.rows(0, 1))
        with home(first):
            one = check.samples(first, "the first row of X")
            xp = array_namespace(one)
            self.like: Array = xp.broadcast_to(xp.zeros_like(one), stream.shape)
        self.name = f"{stream.table.name} in {len(self.sizes)} batches"

    def total(
        self,
        job: Callable[..., Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
        then: Callable[..., Any] | None = None,
    ) -> Any:
        """Return the sum of a job over chunks."""
        found = None
        for part in self._each(job, shared, beside, some):
            found = part if found is None else found.merge(part)
        return found if then is None else then(found, *shared)

    def mapped(
        self,
        job: Callable[..., tuple[Array, ...]],
        metas: Sequence[Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
    ) -> tuple[Any, ...]:
        """Return the arrays that a job returns, stacked in memory."""
        parts = list(self._each(job, shared, beside, some))
        return tuple(stacked(each) for each in zip(*parts, strict=True))

    def _each(
        self, job: Callable[..., Any], shared: Any, beside: Any, some: Sequence[int] | None
    ) -> Iterator[Any]:
        """Yield what a job returns, chunk by chunk."""
        numbers = range(len(self.sizes)) if some is None else some
        read = ((i, self._rows(i)) for i in numbers)
        for i, rows in ahead(read):
            yield job(rows, i, None if beside is None else beside[i], *shared)

    def _rows(self, i: int) -> Array:
        return self.stream.move(self.stream.table.rows(self.ends[i], self.ends[i + 1]))

    def ended(self, job: Callable[..., object], *given: Any) -> None:
        """Call a job."""
        job(*given)
