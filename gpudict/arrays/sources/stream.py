"""`stream`: rows in batches from anything that is sliced, from files, or from an iterable.

In order they are read in slices, shuffled in blocks (`mixing`). So nothing is read row by row, and
what is held is a few blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gpudict.arrays import parameters
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.door import Array, draws, is_array, is_numpy, library
from gpudict.arrays.moving import moved, mover, reached
from gpudict.arrays.plain import UNREAD
from gpudict.arrays.sources import files, sliced, sparse
from gpudict.arrays.sources.ahead import ahead
from gpudict.arrays.sources.mixing import MIXED, mixed
from gpudict.arrays.sources.progress import shown
from gpudict.arrays.sources.table import Table, batch_of, checked, in_order

KINDS = (files, sparse, sliced)


@dataclass(frozen=True)
class Stream:
    """Rows in batches, read ahead on a thread; made by `stream`.

    Iterated over it yields arrays (b, d), all of its rows each time. It is taken wherever the
    data X are that are read once: by `encode` and `learn_online`.

    Attributes
    ----------
    source : the `Table` that is read in slices, or an iterable of batches
    batch_size : rows of a batch; None is up to who uses it
    move : what moves a NumPy array to where the batches shall be
    shuffle : whether to mix the rows, anew each time
    random_state : of the shuffle
    given : what it was made of, and `to`, as `stream` got them
    """

    source: Table | Iterable[Any]
    batch_size: int | None
    move: Callable[[np.ndarray], Array]
    shuffle: bool = False
    random_state: Any = None
    given: tuple[Any, Any] | None = None

    def __reduce__(self) -> Any:
        """Pickle what it was made of, if that can be: it is made again where it comes to."""
        if self.given is None:
            return super().__reduce__()
        options = {name: getattr(self, name) for name in ("batch_size", "shuffle", "random_state")}
        source, to = self.given
        return _again, (sliced.recipe(source), options | {"to": to})

    @property
    def shape(self) -> tuple[int, int] | None:
        """(n, d); None where the source is an iterable of batches."""
        return self.source.shape if isinstance(self.source, Table) else None

    @property
    def table(self) -> Table:
        """What is read in slices; an iterable of batches is not."""
        assert isinstance(self.source, Table)
        return self.source

    def __iter__(self) -> Iterator[Array]:
        rng = self.random_state if self.shuffle else None
        return (rows for _, rows in self.batches(None, rng))

    def batches(self, size: int | None = None, rng: Any = None) -> Iterator[tuple[Any, Array]]:
        """Yield the numbers of the rows of a batch, as a slice or (b,), and the batch, moved.

        In order, or shuffled where a generator is given, which is asked for a seed at once and left
        to its owner then. Of an iterable there are no numbers.
        """
        if not isinstance(self.source, Table):
            return ahead((None, self._moved(batch)) for batch in self.source)
        size = self.batch_size or size or max(1, MIXED // self.source.row_bytes)
        if rng is None:
            parts: Iterator[tuple[Any, np.ndarray]] = in_order(self.source, size)
        else:
            parts = mixed(self.source, size, np.random.default_rng([*rng.bytes(16)]))
        read = ahead((numbers, self.move(rows)) for numbers, rows in parts)
        return shown(read, self.source.row_bytes, self.source.shape[0])

    def some(self, most: int, rng: Any) -> tuple[np.ndarray, Array]:
        """Return the numbers of so many random rows, (m,), and the rows: of 64 chunks at most."""
        table = self.table
        n = table.shape[0]
        if n <= most:
            return np.arange(n), self.move(table.rows(0, n))
        count = math.ceil(n / table.chunk)
        chunks = min(count, most if table.chunk == 1 else 64)
        each, numbers, parts = math.ceil(most / chunks), [], []
        for low in np.sort(rng.choice(count, size=chunks, replace=False)) * table.chunk:
            high = min(int(low) + table.chunk, n)
            some = np.sort(rng.choice(high - low, size=min(each, high - low), replace=False))
            parts.append(table.rows(int(low), high)[some])
            numbers.append(low + some)
        return np.concatenate(numbers), self.move(np.concatenate(parts))

    def _moved(self, batch: Any) -> Array:
        batch = batch_of(batch.toarray() if sparse.takes(batch) else batch)
        return self.move(batch) if isinstance(batch, np.ndarray) else batch

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        """Say what to do where all rows are asked for."""
        raise TypeError(f"a {UNREAD}")


def stream(
    source: Any,
    *,
    batch_size: int | None = None,
    to: Any = None,
    shuffle: bool = False,
    random_state: Any = None,
) -> Any:
    """Make batches of rows from a source that need not fit the memory.

    Batches are read ahead on a thread, and moved to `to` there. Nothing is read before it is asked
    for, but for the shape.

    Parameters
    ----------
    source : see below
        What is sliced along its rows and has two dimensions (`numpy.memmap`, an array of zarr, a
        dataset of h5py, a sparse matrix of SciPy), a path that ends in .npy, .npz, .safetensors,
        .parquet, .csv, .h5, .hdf5, .h5ad, .zarr or .csr (codes that `encode` wrote), a list of
        such, or a folder or a pattern of them, such as 'parts/*.npy', in natural order (2 before
        10), whose rows follow each other, or an iterable of batches (b, d), or (…, d), or sparse
        ones of SciPy, which are made dense. 'FILE:NAME' is one of several arrays of a file.
        An array of Dask is rows in chunks as it is: of a stream of it, `to` is where a worker moves
        its chunks.
    batch_size : int, optional
        Rows of a batch; None is the `batch_size` of the function it is passed to, or as many as
        16 MiB hold. An iterable has batches of its own.
    to : str or array, optional
        Where batches go: 'numpy', 'cupy', 'torch:cuda:0', …, or where an array is. NumPy's by
        default; batches of an iterable that are not NumPy's stay where they are.
    shuffle : bool
        Whether iterating over the stream mixes the rows, each time in another way. Blocks of
        consecutive rows of 256 KiB, or whole chunks of the source, are read in random order, and
        the rows of about 16 MiB of them are mixed. `learn_online` shuffles by itself.
    random_state : int, RandomState or Generator, optional
        What decides on the order.

    Returns
    -------
    Stream
        To iterate over, or to pass to `encode` and `learn_online` as X. It can be pickled where its
        source can; of a map of a file its place is.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        The source is of no such kind; the message says what came and what to do.
    ModuleNotFoundError
        A library that reads the source, or that batches go to, is not installed.

    References
    ----------
    What mixing within blocks costs: Meng, Chen, Wang, Ma and Liu (2017),
    https://arxiv.org/abs/1709.10432, on insufficient shuffling.

    Examples
    --------
    >>> import tempfile, numpy as np, gpudict
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/X.npy", np.ones((5, 3), dtype="float32"))
    ...     [batch.shape for batch in gpudict.stream(f"{folder}/X.npy", batch_size=2)]
    [(2, 3), (2, 3), (1, 3)]
    """
    if is_chunked(source):
        return chunked(source, None if to is None else partial(moved, to))
    size = None if batch_size is None else parameters.count(batch_size, "batch_size")
    rng = draws(parameters.random_source(random_state))
    move = reached(mover(to), to)
    return Stream(_source_of(source), size, move, bool(shuffle), rng, (source, to))


def _again(source: Any, options: dict[str, Any]) -> Any:
    """Return a stream that was pickled."""
    return stream(source() if isinstance(source, partial) else source, **options)


def is_source(x: Any) -> bool:
    """Whether x is a stream, or what becomes one without being asked for: sliced, and no array."""
    if isinstance(x, np.memmap):
        return x.ndim == 2 and x.filename is not None  # of what is computed with one it is None
    if type(x) is np.ndarray or is_array(x):
        return False
    return isinstance(x, Stream) or any(kind.takes(x) for kind in (sparse, sliced))


def as_stream(x: Any) -> Stream:
    """Return x, or the stream of it, on the host."""
    return x if isinstance(x, Stream) else Stream(_source_of(x), None, np.asarray)


def whole(x: Any) -> Array:
    """Return all rows of a source that has a shape, as one array."""
    one = as_stream(x)
    if one.shape is None:
        raise TypeError(
            "X is a stream of an iterable, and a batch is needed. Pass its batches one by one."
        )
    return one.move(one.table.rows(0, one.shape[0]))


def _source_of(x: Any) -> Table | Iterable[Any]:
    if isinstance(x, Stream):
        raise TypeError(
            "source is a stream already. Pass what it reads, with the options that are wanted."
        )
    if is_array(x) and not is_numpy(x):
        raise TypeError(
            f"source is an array of {library(x)}, which is in memory. Pass it as X itself, or to "
            "learn_online a batch of it at a time."
        )
    for kind in KINDS:
        if kind.takes(x):
            found: Table = kind.table(x)
            return checked(found)
    if isinstance(x, Iterable) and not isinstance(x, str | bytes):
        return x
    raise TypeError(
        f"source is a {type(x).__module__}.{type(x).__qualname__}, and what is sliced along its "
        "rows, has two dimensions and a dtype, or a path, or an iterable of batches is needed. "
        "Pass such a source."
    )
