"""Learning from rows in chunks that lie elsewhere: what a chunk does, and what is made of all.

It is `blocks` for rows that nobody here may see. The atoms go to the chunks, and of each round come
the sums over their rows: the statistics, the cost, the largest gap. All that a learner decides, it
decides by them, so that what runs the jobs is of no matter (`arrays.chunks`).
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import per_row
from gpudict.arrays.chunks.contract import Chunks, cut
from gpudict.arrays.door import Array, array_namespace, asarray_like, float64_of, to_host
from gpudict.learning import chunk_jobs, warm
from gpudict.learning.atoms import given, normalised
from gpudict.learning.blocks import Told
from gpudict.learning.chunk_jobs import How
from gpudict.learning.sums import Sums
from gpudict.learning.updates import Recipe, warn_of_width
from gpudict.objective.quadratic import Quadratic

SPREAD = 4  # chunks, at least, of which samples are drawn


@dataclass(frozen=True)
class Far:
    """Rows in chunks, or a part of them, and how they are coded there.

    Attributes
    ----------
    chunks : where the rows are
    weights : of the rows of each chunk, on the host, or None for each
    some : the numbers of the chunks that are meant
    how : what a code is, once it is known
    run : a name for the codes that stay there
    """

    chunks: Chunks
    weights: list[Any]
    some: tuple[int, ...]
    how: How | None = None
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    weight: None = None
    entries: None = None

    @classmethod
    def of(cls, chunks: Chunks, sample_weight: Any = None) -> Far:
        """Check the weights, and cut them as the rows are."""
        single = chunks.like.dtype == array_namespace(chunks.like).float32
        weight = per_row.host_weights(sample_weight, sum(chunks.sizes), single=single)
        weights = cut(weight, chunks.sizes)
        each = zip(chunks.sizes, weights, strict=True)
        some = [i for i, (n, w) in enumerate(each) if n and (w is None or w.any())]
        made = cls(chunks, weights, tuple(some))
        return made.forgetful() if chunks.alone else made

    def by(self, recipe: Recipe) -> Far:
        """Return the rows, to be coded by a recipe."""
        return replace(self, how=How.of(recipe, alone=self.chunks.alone))

    @property
    def X(self) -> Array:
        """What stands for the rows: zeros of their shape and dtype that take no memory."""
        return self.chunks.like[: sum(self.chunks.sizes[i] for i in self.some), :]

    @cached_property
    def total(self) -> float:
        """The sum of the weights."""
        return float(sum(self._mass()))

    def _mass(self) -> list[float]:
        sizes, weights = self.chunks.sizes, self.weights
        return [float(sizes[i]) if weights[i] is None else weights[i].sum() for i in self.some]

    def only(self, some: Sequence[int]) -> Far:
        """Return the rows of some chunks."""
        return replace(self, some=tuple(some))

    def forgetful(self) -> Far:
        """Return the rows, of which no codes stay where they are."""
        return replace(self, run="")

    def taken(self, code: Any) -> list[warm.Warm]:
        """Return how the first round starts: from zeros."""
        return [False]

    def everywhere(self, V: Array) -> list[Array]:
        """Return the atoms as a round takes them."""
        return [V]

    def coded(
        self, V: Sequence[Array], before: Sequence[Any], *, each: bool = False
    ) -> tuple[list[Elsewhere], Quadratic]:
        """Code all rows where they are, and return what stands for the codes, and the sums."""
        if each:
            raise ValueError(
                f"Rows in chunks came for a past of {V[0].shape[0]} atoms that was kept without "
                "UᵀU, and of chunks only that can be summed. Pass each batch as an array."
            )
        atoms, begin = to_host(V[0]), before[0]
        begin = begin if isinstance(begin, bool | np.ndarray) else True
        job = chunk_jobs.coded
        found = self.chunks.total(
            job, atoms, self.how, self.run, begin, beside=self.weights, some=self.some
        )
        sums = found.sums
        parts = (sums.cov, sums.squares, sums.gram)
        wide = float64_of(V[0]) or V[0].dtype
        q = Quadratic(*(asarray_like(a, V[0], wide) for a in parts))
        return [Elsewhere(self, atoms, found)], q

    def sums(self, V: Array) -> Sums:
        """Return the sums over all rows and their codes for the atoms."""
        ((_, _, found),), _ = self.coded([V], [False])
        sums: Sums = found.sums
        return sums

    def told(self, V: Sequence[Array], made: Sequence[Elsewhere]) -> list[Told]:
        """Return what there is to know of codes, with their cost for these atoms."""
        ((_, before, found),) = made
        sums, now = found.sums, to_host(V[0])
        cost = sums.cost
        if not np.array_equal(now, before):
            cost += _value(sums, now.astype(np.float64)) - _value(sums, before.astype(np.float64))
        numbers = (cost, found.gap, float(sums.missed == 0))
        return [Told(*(_scalar(number, V[0]) for number in numbers))]

    def nonzeros(self, made: Sequence[Elsewhere]) -> list[Array]:
        """Return the sum of the non-zeros by the weights, 0-d."""
        return [_scalar(one.found.nonzeros, self.chunks.like) for one in made]

    def without(self, made: Sequence[Elsewhere], dead: np.ndarray) -> list[warm.Warm]:
        """Return how a round starts that has zeros for the atoms that are dead."""
        return [dead]

    def scale(self, made: Sequence[Elsewhere]) -> float:
        """Return the geometric mean of ‖x‖² over the rows that are not zero; 0 if all are."""
        (one,) = made
        return math.exp(one.found.logs / one.found.mass) if one.found.mass else 0.0

    def revived(self, V: Array, dead: np.ndarray, rng: Any, *, positive: bool) -> Array:
        """Return V with the dead atoms drawn anew from the data."""
        seed, atoms, mass = [*rng.bytes(16)], to_host(V), np.array(self._mass())
        some = rng.choice(self.some, size=min(SPREAD, len(mass)), p=mass / mass.sum())
        found: np.ndarray = self._drawn(
            chunk_jobs.revived, sorted(set(some.tolist())), int(dead.sum()), seed, atoms, dead,
            positive,
        )  # fmt: skip
        return asarray_like(found, V)

    def started(self, most: int, first: Any, k: int, rng: Any, *, positive: bool) -> Array:
        """Return unit atoms (k, d) from so many samples, or from atoms that were given."""
        warn_of_width(k)
        seed, first = [*rng.bytes(16)], given(first, self.chunks.like)
        if not isinstance(first, str):
            V, _ = normalised(first, None, positive=positive)
            full = V.shape[0] >= k and to_host(array_namespace(V).any(V != 0, axis=1))[:k].all()
            if full:
                return V[:k, :]
            first = to_host(first)
        mean = max(1, self.X.shape[0] // len(self.some))
        count = min(len(self.some), max(SPREAD, math.ceil(most / mean)))
        spread = np.unique(np.linspace(0, len(self.some) - 1, count).round().astype(int))
        some = [self.some[i] for i in spread]
        found = self._drawn(chunk_jobs.started, some, most, seed, first, k, positive)
        return asarray_like(found, self.chunks.like)

    def _drawn(
        self, then: Any, some: Sequence[int], most: int, seed: Any, *given: Any
    ) -> np.ndarray:
        """Return what is made, beside one of them, of so many rows of some chunks."""
        each = math.ceil(most / len(some))
        found: np.ndarray = self.chunks.total(
            chunk_jobs.drawn, each, seed, *given, beside=self.weights, some=some, then=then
        )
        return found

    def codes(self, V: np.ndarray) -> tuple[Any, Any, Any]:
        """Return codes (n, k), their gaps and whether they converged, each where its rows are."""
        like, xp = self.chunks.like, array_namespace(self.chunks.like)
        code = xp.zeros((0, len(V)), dtype=like.dtype)
        gap = xp.zeros(0, dtype=float64_of(like) or like.dtype)
        metas = (code, gap, xp.zeros(0, dtype=xp.bool))
        made = self.chunks.mapped(
            chunk_jobs.codes, metas, V, self.how, self.run, metas, some=self._seen()
        )
        return made[0], made[1], made[2]

    def _seen(self) -> Sequence[int] | None:
        """Return the chunks that codes are asked of: of all rows, those without a weight too."""
        return None if self.run else self.some

    def longest(self) -> float:
        """Return the largest ‖x‖ of a row."""
        found: chunk_jobs.Longest = self.chunks.total(chunk_jobs.longest, some=self.some)
        return found.norm

    def marks(self) -> list[str]:
        """Return what other rows would rarely have: ‖x‖ of some, read again to so many digits."""
        found = self.chunks.total(
            chunk_jobs.norms, SPREAD, some=sorted({self.some[0], self.some[-1]})
        )
        return [f"{norm:.3g}" for i in sorted(found.parts) for norm in found.parts[i]]

    def ended(self) -> None:
        """Let go of what stays where the rows are."""
        if self.run:
            self.chunks.ended(warm.forget, self.run)


class Elsewhere(NamedTuple):
    """Codes of all rows, which are where the rows are: they are those for the atoms `V`, (k, d)."""

    far: Far
    V: np.ndarray
    found: Any  # the Round that made them; None where a checkpoint holds them

    @property
    def codes(self) -> Elsewhere:
        """Itself, as what the next round starts from."""
        return self

    def array(self) -> Any:
        """Return the codes (n, k), in chunks, made when they are computed."""
        return self.far.codes(self.V)[0]

    @property
    def gap(self) -> Any:
        """The gap of each row (n,), in chunks, made when it is computed."""
        return self.far.codes(self.V)[1]


def _value(sums: Any, V: np.ndarray) -> float:
    """Return ½‖X − UV‖² for atoms, but for what does not depend on them."""
    return float(0.5 * np.sum((sums.gram @ V) * V) - np.sum(sums.cov * V.T))


def _scalar(number: float, like: Array) -> Array:
    xp = array_namespace(like)
    return xp.asarray(number, dtype=float64_of(like) or like.dtype, device=like.device)
