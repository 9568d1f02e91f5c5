"""Rows of a Dask array: on threads of this process, or `on_cluster` where there is a client."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from operator import getitem
from typing import Any

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.chunks import on_cluster
from gpudict.arrays.chunks.contract import standing_for
from gpudict.arrays.chunks.on_cluster import FAN, active, afterwards, merged
from gpudict.arrays.door import Array, array_namespace, is_array, to_host


def takes(x: Any) -> bool:
    """Whether x is an array of Dask's."""
    return type(x).__module__.startswith("dask.array")


class DaskChunks:
    """The chunks of a Dask array (n, d) that is cut along its rows alone.

    Where there is a `move`, each is moved by it before it is worked on, and what comes of that is
    NumPy's again. Sparse chunks are made dense, one at a time, where they are worked on.
    """

    alone = False

    def __init__(self, array: Any, move: Callable[[np.ndarray], Array] | None = None) -> None:
        self.array = _cut_by_rows(array)
        self.sizes = tuple(int(size) for size in self.array.chunks[0])
        if sparse := hasattr(array._meta, "toarray") or hasattr(array._meta, "todense"):
            move = partial(_dense, move)
        xp = np if sparse else array_namespace(array._meta)
        one = check.samples(xp.zeros((1, array.shape[1]), dtype=array.dtype))
        self.like = standing_for(one, array.shape[0])
        self.name = f"a Dask array in chunks of {self.sizes} rows"
        self.blocks = list(self.array.to_delayed().ravel())
        self.seen = on_cluster.Seen(self.array, [block.key for block in self.blocks])
        self.move = move

    def __iter__(self) -> Any:
        """Say what to do where batches are asked for."""
        raise TypeError(
            "a stream of a Dask array is rows in chunks, which stay where they are. Pass it as X, "
            "or of its batches iterate over array.blocks, and compute each."
        )

    def total(
        self,
        job: Callable[..., Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
        then: Callable[..., Any] | None = None,
    ) -> Any:
        """Return the sum of a job over chunks."""
        numbers = [i for i in (range(len(self.sizes)) if some is None else some) if self.sizes[i]]

        def tree(numbers: Sequence[int], given: Any) -> Any:
            called = _delayed(_done)
            each = [
                called(
                    given, self._rows(i), self._shape(i), i, None if beside is None else beside[i]
                )
                for i in numbers
            ]
            return _tree(each)

        given = (job, shared)
        if (client := active()) is not None:
            return on_cluster.total(client, self.seen, tree, given, numbers, then)
        job_and_shared = _delayed(given, traverse=False)
        root = tree(numbers, job_and_shared)
        return (
            root if then is None else _delayed(afterwards)(then, root, job_and_shared)
        ).compute()

    def _rows(self, i: int) -> Any:
        """Return the rows of a chunk as jobs get them."""
        rows = self.blocks[i]
        return rows if self.move is None else _delayed(self.move)(rows)

    def _shape(self, i: int) -> tuple[int, int]:
        return self.sizes[i], self.array.shape[1]

    def mapped(
        self,
        job: Callable[..., tuple[Array, ...]],
        metas: Sequence[Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
    ) -> tuple[Any, ...]:
        """Return Dask arrays of what a job returns, in chunks of the same rows."""
        da = importlib.import_module("dask.array")
        called = _delayed(partial(_mapped, job, self.move is not None), pure=True)
        given = [_delayed(value, pure=True) for value in shared]
        numbers = range(len(self.sizes)) if some is None else some
        parts = [
            called(self._rows(i), self._shape(i), i, None if beside is None else beside[i], *given)
            for i in numbers
        ]

        keys = [part.key for part in parts]
        graph = importlib.import_module("dask.highlevelgraph").HighLevelGraph
        token = importlib.import_module("dask.base").tokenize(keys)

        def joined(j: int, meta: Any) -> Any:  # by its graph: 5,000 arrays joined take seconds
            name, rest = f"coded-{j}-{token}", meta.shape[1:]
            layer = {
                (name, at, *(0 for _ in rest)): (getitem, key, j) for at, key in enumerate(keys)
            }
            chunks = (tuple(self.sizes[i] for i in numbers), *((size,) for size in rest))
            made = graph.from_collections(name, layer, dependencies=parts)
            return da.Array(made, name, chunks, meta=meta)

        return tuple(joined(j, meta) for j, meta in enumerate(metas))

    def ended(self, job: Callable[..., object], *given: Any) -> None:
        """Call a job on every worker that is there."""
        client = active()
        if client is None:
            job(*given)
        elif client.status == "running" and client.nthreads():
            client.run(job, *given, on_error="ignore")


def _delayed(value: Any, **options: Any) -> Any:
    return importlib.import_module("dask").delayed(value, **options)


def _tree(parts: list[Any]) -> Any:
    """Return the sum of parts, some of them at a time: so few are there at once."""
    called = _delayed(merged)
    while len(parts) > 1:
        parts = [called(*parts[i : i + FAN]) for i in range(0, len(parts), FAN)]
    return parts[0]


def _done(
    given: tuple[Callable[..., Any], Any], rows: Any, shape: Any, number: int, beside: Any
) -> Any:
    """Do a job, which comes with what is shared."""
    job, shared = given
    return job(_shaped(rows, shape, number), number, beside, *shared)


def _mapped(
    job: Callable[..., tuple[Any, ...]], back: bool, rows: Any, shape: Any, number: int, *given: Any
) -> tuple[Any, ...]:
    """Return what a job returns, in NumPy where it shall be back there."""
    found = job(_shaped(rows, shape, number), number, *given)
    return tuple(to_host(a) if is_array(a) else a for a in found) if back else found


def _shaped(rows: Any, shape: tuple[int, int], number: int) -> Any:
    """Return the rows of a chunk, or raise if there are not so many as Dask was told."""
    if tuple(rows.shape) != shape:
        raise ValueError(
            f"chunk {number} of X has the shape {tuple(rows.shape)}, and the Dask array says that "
            f"it has {shape}. Say the shape of each where the array is made, for instance by "
            "da.from_delayed(…, shape=…) or map_blocks(…, chunks=…)."
        )
    return rows


def _dense(move: Callable[[np.ndarray], Array] | None, rows: Any) -> Any:
    """Return the rows of a sparse chunk as a dense one, moved."""
    rows = rows.toarray() if hasattr(rows, "toarray") else rows.todense()
    return rows if move is None else move(rows)


def _cut_by_rows(array: Any) -> Any:
    """Return a Dask array of two dimensions, of known chunks, each of whole rows, or raise."""
    if array.ndim != 2:
        raise ValueError(
            f"X must have two dimensions, but its shape is {array.shape}. Reshape it to a sample a "
            "row, for instance with X.reshape(-1, d)."
        )
    if any(math.isnan(size) for sizes in array.chunks for size in sizes):
        raise ValueError(
            f"X is a Dask array of the shape {array.shape}, of unknown chunk sizes, and they are "
            "needed. Call X.compute_chunk_sizes() first, which reads it once."
        )
    if len(array.chunks[1]) > 1:
        raise ValueError(
            f"X is a Dask array whose rows are cut in {len(array.chunks[1])} chunks, and a chunk "
            "of whole rows is needed. Pass X.rechunk({0: 'auto', 1: -1})."
        )
    if 0 in array.shape:
        raise ValueError(
            f"X must have at least one row and one column, but its shape is {array.shape}. Look at "
            "the step that selects or loads the data."
        )
    return array
