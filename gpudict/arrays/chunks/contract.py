"""What is asked of rows in chunks: a sum over all of them, and what each row is mapped to.

A *job* is a function of a chunk's rows, its number and what is shared, that can be pickled. Rows
stay where they are. What leaves them are sums, merged on the way; and codes, where they are asked
for, which stay in chunks beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np

from gpudict.arrays.door import Array, array_namespace


class Sum(Protocol):
    """What a job returns where a total is asked for; merging is associative and commutes."""

    def merge(self, /, *others: Self) -> Self:
        """Return the sum of this one and others."""
        ...


class Chunks(Protocol):
    """Rows (n, d) in chunks."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The rows of each chunk."""
        ...

    @property
    def like(self) -> Array:
        """An array (n, d) in the library and dtype of the chunks, which takes no memory."""
        ...

    @property
    def alone(self) -> bool:
        """Whether a job has this process to itself: its threads, and no memory for codes."""
        ...

    @property
    def name(self) -> str:
        """What the rows are, in a word that is the same in another process."""
        ...

    def total(
        self,
        job: Callable[..., Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
        then: Callable[..., Any] | None = None,
    ) -> Any:
        """Return the sum of job(rows, number, one of beside, *shared) over chunks, or some of them.

        With `then` it is then(sum, *shared), made where the sum is.
        """
        ...

    def mapped(
        self,
        job: Callable[..., tuple[Array, ...]],
        metas: Sequence[Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
    ) -> tuple[Any, ...]:
        """Return the arrays, in chunks and not made yet, of job(rows, number, beside, *shared).

        `metas` are such arrays of no rows.
        """
        ...

    def ended(self, job: Callable[..., object], *given: Any) -> None:
        """Call a job once wherever others ran, where that can be done."""
        ...


def standing_for(row: Array, n: int) -> Array:
    """Return zeros (n, d) like a row (1, d), which take no memory."""
    xp = array_namespace(row)
    return xp.broadcast_to(xp.zeros_like(row), (n, row.shape[1]))


def cut(values: Any, sizes: Sequence[int]) -> list[Any]:
    """Return what there is for each row as each chunk has it; None is None for each."""
    if values is None:
        return [None] * len(sizes)
    return [values[low:high] for low, high in pairwise(np.cumsum([0, *sizes]))]
