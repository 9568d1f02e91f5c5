"""Where mini-batches come from: cut from an array, read from a stream, yielded by an iterable."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check, per_row
from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.chunks.contract import Chunks
from gpudict.arrays.door import Array, array_namespace, asarray_like, index_like, is_array
from gpudict.arrays.home import at_home
from gpudict.arrays.leading import flat, flat_beside
from gpudict.arrays.per_entry import is_weighted, observed, refuse
from gpudict.arrays.sources.stream import Stream, as_stream, is_source
from gpudict.arrays.sources.table import EMPTY
from gpudict.learning.far import Far
from gpudict.learning.parts import samples_of
from gpudict.learning.samples import Samples

Batch = Samples | Far
ROUND, PASS = 8, 16  # chunks that are a batch at least, where that leaves so many batches a pass
ADVICE = "Pass fewer rows at a time, or free memory."


class Source(NamedTuple):
    """Where batches come from: an array that is cut, a stream, or an iterable that yields them.

    Attributes
    ----------
    first : samples of the kind of all others: the whole array, or the first rows
    size : rows of a batch
    rows, total, steps : of a pass, samples, the sum of their weights, and batches; 0 where they
        are unknown
    start : (m, rng) -> samples to start from, m random ones where there are many
    walk : rng or None, which is drawn from once -> the pass of a number -> its batches
    """

    first: Batch
    size: int
    rows: int
    total: float
    steps: int
    start: Callable[[int, Any], Batch]
    walk: Callable[[Any], Callable[[int], Iterator[Batch]]]

    @classmethod
    def of(
        cls,
        X: Any,
        size: int,
        sample_weight: Any = None,
        *,
        checked: bool = False,
        entry_weight: Any = None,
        missing: str | None = None,
    ) -> Source:
        """Check an array, unless it is, or the first rows of what is read as it is needed."""
        if is_chunked(X) or is_source(X):
            refuse(entry_weight, missing)
        if is_chunked(X):
            return cls.of_chunks(chunked(X), size, sample_weight)
        if is_source(X):
            stream = as_stream(X)
            return (cls.of_batches if stream.shape is None else cls.of_stream)(
                stream, size, sample_weight
            )
        if is_array(X) or not isinstance(X, Iterable):
            entry_weight = flat_beside(entry_weight, X, "entry_weight")
            X = flat(X, "X")
            X = X if checked or is_weighted(entry_weight, missing) else check.samples(X)
            return cls.of_array(samples_of(X, sample_weight, entry_weight, missing), size)
        refuse(entry_weight)
        return cls.of_batches(X, size, sample_weight, missing)

    @classmethod
    def of_array(cls, samples: Samples, size: int) -> Source:
        """Cut batches from rows that are at hand, shuffled once if they shall be."""
        X, n = samples.X, samples.X.shape[0]
        size = min(size, n)

        def walk(rng: Any) -> Callable[[int], Iterator[Samples]]:
            order = None if rng is None else _shuffled(X, rng)

            def rows(low: int) -> Samples:
                cut = slice(low, min(low + size, n))
                with memory_error_saying(lambda: f"to gather {size:,} rows. {ADVICE}", X, tried=""):
                    return samples.rows(cut if order is None else order[cut])

            return lambda number: _weighty(map(rows, range(0, n, size)))

        steps = math.ceil(n / size)
        return cls(samples, size, n, samples.total, steps, lambda m, rng: samples, walk)

    @classmethod
    def of_stream(cls, X: Stream, size: int, sample_weight: Any = None) -> Source:
        """Read batches of a table, each pass of which is shuffled in another way."""
        n = X.table.shape[0]
        size = min(X.batch_size or size, n)
        like = at_home(check.samples)(X.move(X.table.rows(0, size)), "the first rows of X")
        single = like.dtype == array_namespace(like).float32
        weight = per_row.host_weights(sample_weight, n, single=single)

        def samples(numbers: Any, rows: Array) -> Samples:
            rows = check.samples(rows, "a batch of X", like=like)
            w = None if weight is None else weight[numbers]
            return Samples.weighed(rows, None if w is None else asarray_like(w, rows))

        def walk(rng: Any) -> Callable[[int], Iterator[Samples]]:
            seed = None if rng is None else [*rng.bytes(16)]

            def batches(number: int) -> Iterator[Samples]:
                own = None if seed is None else np.random.default_rng([*seed, number])
                return _weighty(samples(*part) for part in X.batches(size, own))

            return batches

        total = float(n) if weight is None else float(weight.sum())
        steps = math.ceil(n / size)
        some = lambda m, rng: samples(*X.some(m, rng))  # noqa: E731
        return cls(Samples.of(like), size, n, total, steps, some, walk)

    @classmethod
    def of_chunks(cls, X: Chunks, size: int, sample_weight: Any = None) -> Source:
        """Take whole chunks until a batch has so many rows, in another order each pass."""
        far = Far.of(X, sample_weight).forgetful()
        n, count = far.X.shape[0], len(far.some)
        each = max(math.ceil(size * count / n), min(ROUND, math.ceil(count / PASS)))

        def walk(rng: Any) -> Callable[[int], Iterator[Far]]:
            seed = None if rng is None else [*rng.bytes(16)]

            def batches(number: int) -> Iterator[Far]:
                order = np.asarray(far.some)
                if seed is not None:
                    order = np.random.default_rng([*seed, number]).permutation(order)
                cuts = range(0, count, each)
                return (far.only(order[low : low + each].tolist()) for low in cuts)

            return batches

        size, steps = math.ceil(n * each / count), math.ceil(count / each)
        return cls(far, size, n, far.total, steps, lambda m, rng: far, walk)

    @classmethod
    def of_batches(
        cls,
        X: Iterable[Array],
        size: int,
        sample_weight: Any = None,
        missing: str | None = None,
    ) -> Source:
        """Check the first batch of an iterable; an iterator can be walked once."""
        if sample_weight is not None:
            raise ValueError(
                "sample_weight came with an iterable of batches, and it can only be cut along with "
                "an array. Pass X as one array, or leave the weights out."
            )
        walk = iter(X)
        head = next(walk, None)
        if head is None:
            raise ValueError(EMPTY)
        name = "the first batch of X"
        first = at_home(_checked)(flat(head, name), name, missing)
        once = isinstance(X.source if isinstance(X, Stream) else X, Iterator)
        data = itertools.chain([head], walk) if once else X

        def checked(number: int) -> Iterator[Samples]:
            shape = (None, first.X.shape[1])
            for rows in data:
                batch = _checked(flat(rows, "a batch of X"), "a batch of X", missing, first.X)
                check.shaped(batch.X, "a batch of X", shape, "all have one width")
                yield batch

        return cls(first, first.X.shape[0], 0, 0.0, 0, lambda m, rng: first, lambda rng: checked)

    def batches(
        self, passes: int, rng: Any, past: tuple[int, int] = (1, 0)
    ) -> Iterator[tuple[int, Batch]]:
        """Yield the number of the pass, from 1, and the batch, for all batches of all passes.

        Shuffled if rng is given, where it is known how many rows there are. What is `past`, a pass
        that is begun and so many batches of it, is passed over; an iterable is walked all the same,
        as it may yield others each time.
        """
        walk, (begun, over) = self.walk(rng), past
        for number in range(1, passes + 1):
            if number >= begun:
                for rows in itertools.islice(walk(number), over * (number == begun), None):
                    yield number, rows
            elif not self.steps:
                deque(walk(number), maxlen=0)


def _checked(rows: Any, name: str, missing: str | None, like: Array | None = None) -> Samples:
    """Return a batch that came, with what is missing of it."""
    rows, entries = observed(rows, None, missing, name)
    samples = Samples.of(check.samples(rows, name, like=like))
    return samples if entries is None else samples.seen(entries)


def _shuffled(X: Array, rng: Any) -> Array:
    """Return the numbers of all rows in a random order: batch by batch their rows are gathered."""
    n = X.shape[0]
    with memory_error_saying(lambda: f"for the order of {n:,} rows. {ADVICE}", X, tried=""):
        order = np.arange(n)
        rng.shuffle(order)
        return index_like(order, X)


def _weighty(batches: Iterable[Samples]) -> Iterator[Samples]:
    """Yield the batches in which some sample has a weight."""
    return (batch for batch in batches if batch.total > 0)
