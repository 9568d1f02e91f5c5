"""The reference of rows in chunks: arrays in this process, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gpudict.arrays.chunks.contract import nothing
from gpudict.arrays.door import Array, array_namespace, is_array


class Loop(NamedTuple):
    """Arrays (b, d) of one library, which are one array (n, d) in chunks."""

    parts: Sequence[Array]
    alone: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """The rows of each chunk."""
        return tuple(part.shape[0] for part in self.parts)

    @property
    def like(self) -> Array:
        """An array (n, d) that takes no memory."""
        first = self.parts[0]
        return nothing(sum(self.sizes), first.shape[1], first.dtype)

    @property
    def name(self) -> str:
        """What the rows are."""
        return f"a list of {len(self.parts)} arrays"

    def total(
        self,
        job: Callable[..., Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
        then: Callable[..., Any] | None = None,
    ) -> Any:
        """Return the sum of a job over chunks."""
        first, *others = self._each(job, shared, beside, some)
        found = first.merge(*others)
        return found if then is None else then(found, *shared)

    def mapped(
        self,
        job: Callable[..., tuple[Array, ...]],
        metas: Sequence[Any],
        *shared: Any,
        beside: Sequence[Any] | None = None,
        some: Sequence[int] | None = None,
    ) -> tuple[Any, ...]:
        """Return the arrays that a job returns, stacked."""
        parts = self._each(job, shared, beside, some)
        return tuple(stacked(each) for each in zip(*parts, strict=True))

    def _each(
        self, job: Callable[..., Any], shared: Any, beside: Any, some: Sequence[int] | None
    ) -> list[Any]:
        numbers = range(len(self.parts)) if some is None else some
        return [
            job(self.parts[i], i, None if beside is None else beside[i], *shared) for i in numbers
        ]

    def ended(self, job: Callable[..., object], *given: Any) -> None:
        """Call a job."""
        job(*given)


def stacked(parts: Sequence[Any]) -> Any:
    """Return the rows of all parts, dense or SciPy's sparse ones."""
    if is_array(parts[0]):
        return array_namespace(parts[0]).concat(list(parts))
    from scipy.sparse import vstack

    return vstack(parts)
