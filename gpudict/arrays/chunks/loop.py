"""The reference of rows in chunks: one after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from gpudict.arrays.chunks.contract import standing_for
from gpudict.arrays.door import Array, array_namespace


class Loop(NamedTuple):
    """Chunks that are there, or that are read: `read` yields the numbered rows of some of them."""

    sizes: tuple[int, ...]
    like: Array
    name: str
    read: Callable[[Sequence[int]], Iterator[tuple[int, Array]]]
    alone: bool = False

    @classmethod
    def of(cls, parts: Sequence[Array]) -> Loop:
        """Take arrays (b, d) of one library, which are one array (n, d) in chunks."""
        sizes = tuple(part.shape[0] for part in parts)
        like = standing_for(parts[0][:1, :], sum(sizes))
        return cls(sizes, like, f"{len(parts)} arrays", lambda some: ((i, parts[i]) for i in some))

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
        """Return the arrays that a job returns, made at once, and stacked in memory."""
        parts = list(self._each(job, shared, beside, some))
        return tuple(stacked(each) for each in zip(*parts, strict=True))

    def ended(self, job: Callable[..., object], *given: Any) -> None:
        """Call a job."""
        job(*given)

    def _each(
        self, job: Callable[..., Any], shared: Any, beside: Any, some: Sequence[int] | None
    ) -> Iterator[Any]:
        for i, rows in self.read(range(len(self.sizes)) if some is None else some):
            yield job(rows, i, None if beside is None else beside[i], *shared)


def stacked(parts: Sequence[Any]) -> Any:
    """Return the rows of all parts, dense or SciPy's sparse ones."""
    if not hasattr(parts[0], "tocsr"):
        return array_namespace(parts[0]).concat(list(parts))
    from scipy.sparse import vstack

    return vstack(parts, format="csr")
