"""The codes' half-step, block of rows by block of rows: what a block does, and what is made of all.

A block is rows with all that is needed to code them, on one device. It gets the atoms, and all that
leaves it are sums and numbers: the statistics A = UᵀU and B = UᵀX, the cost, the largest gap. They
are summed in the order of the blocks where X is, and there the atoms are updated. So who runs the
blocks is of no matter: here it is a loop for one, and a thread for each of several devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from gpudict.arrays import devices
from gpudict.arrays.door import Array, array_namespace, copied, device, float64_of
from gpudict.coding.plan import Plan
from gpudict.learning import apart
from gpudict.learning.atoms import revived
from gpudict.learning.codes import Codes, Dense, coded
from gpudict.learning.filling import filled, missed
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe
from gpudict.objective.quadratic import Quadratic, accumulate, gap_unit

Result = TypeVar("Result")


class Coded(NamedTuple):
    """Codes of a block, and of each row the gap and whether it converged, (n,)."""

    codes: Codes
    gap: Array
    converged: Array


class Told(NamedTuple):
    """What a block says of its codes, 0-d: the cost, the largest relative gap, all converged."""

    cost: Array
    gap: Array
    converged: Array


class Block(NamedTuple):
    """Rows on one device, the units of their relative gaps (n,), and how they are coded there.

    The samples' `total` is that of all blocks.
    """

    samples: Samples
    unit: Array
    plan: Plan
    n_jobs: int | None

    @classmethod
    def of(cls, samples: Samples, square: Array, plan: Plan, n_jobs: int | None) -> Block:
        """Return samples, whose ‖x‖² are `square`, as a block."""
        dtype = float64_of(square) or square.dtype  # as gaps have
        unit = gap_unit(array_namespace(square).astype(square, dtype, copy=False))
        return cls(samples, unit, plan, n_jobs)

    def coded(self, V: Array, before: Codes | None, each: bool = False) -> tuple[Coded, Quadratic]:
        """Return codes for the atoms, warm from those before if there are any, and their sums."""
        X, entries = self.samples.X, self.samples.entries
        codes, found = coded(X, V, self.plan, before, self.n_jobs, entries)
        made = Coded(codes, found.gap, found.converged)
        return made, self.summed(V, made, each)

    def summed(self, V: Array, made: Coded, each: bool = False) -> Quadratic:
        """Return the sums over rows and their codes, which are for the atoms or for others."""
        samples = filled(self.samples, made.codes, V)
        return apart.sums(made.codes, samples, V) if each else made.codes.statistics(samples)

    def told(self, V: Array, made: Coded) -> Told:
        """Return what there is to know of codes, with their cost for the atoms."""
        samples, (codes, gap, converged) = self.samples, made
        xp = array_namespace(V)
        costs = codes.costs(*missed(samples, codes, V), self.plan.penalty)
        cost = samples.summed(costs, float64_of(samples.X))
        return Told(cost, xp.max(gap / self.unit), xp.all(converged))


class Made(Protocol):
    """Codes of rows as what a learner holds of them: in arrays, or elsewhere."""

    @property
    def codes(self) -> Any:
        """What the next round starts from; its `array()` are the codes (b, k)."""
        ...

    @property
    def gap(self) -> Any:
        """The gap of each row, (b,)."""
        ...


class Blocks(NamedTuple):
    """All rows: a block on each of the devices, or one where X is, if there are none.

    `typical` is a typical ‖x‖² of them, 0-d.
    """

    blocks: tuple[Block, ...]
    devices: Sequence[Any]
    samples: Samples
    typical: Array

    @classmethod
    def of(cls, samples: Samples, recipe: Recipe) -> Blocks:
        """Cut the samples, and move each block to its device."""
        (X, weight, total, entries, top), square = samples, samples.squares()
        typical = samples.typical(square)
        if not recipe.devices:
            whole = Block.of(samples, square, recipe.plan, recipe.n_jobs)
            return cls((whole,), (), samples, typical)
        cuts = devices.blocks(X.shape[0], len(recipe.devices))
        where = recipe.devices[: len(cuts)]
        rows = _cut(X, cuts, where)
        none = [None] * len(cuts)
        weights, own = (none if a is None else _cut(a, cuts, where) for a in (weight, entries))

        def block(X: Array, weight: Array | None, entries: Array | None) -> Block:
            part, plan = Samples(X, weight, total, entries, top), recipe.plan.at(X, recipe.k)
            return Block.of(part, part.squares(), plan, recipe.n_jobs)

        each = tuple(devices.on_each(block, rows, rows, weights, own))
        return cls(each, where, samples, typical)

    @property
    def X(self) -> Array:
        """All rows, where they came."""
        return self.samples.X

    def scale(self, made: Sequence[Coded]) -> Array:
        """Return a typical ‖x‖² of the rows, 0-d."""
        return self.typical

    def revived(self, V: Array, dead: np.ndarray, rng: Any, *, positive: bool) -> Array:
        """Return V with the dead atoms drawn anew from the rows."""
        return revived(V, dead, self.samples, rng, positive=positive)

    def taken(self, codes: Array | None) -> Sequence[Codes | None]:
        """Return codes to start from as each block has them, of codes (n, k) where X is."""
        if codes is None or not self.devices:
            return [None if codes is None else Dense(codes) for _ in self.blocks]
        cuts = devices.blocks(self.X.shape[0], len(self.blocks))
        return [Dense(part) for part in _cut(codes, cuts, self.devices)]

    def everywhere(self, V: Array) -> list[Array]:
        """Return the atoms as each block has them."""
        return [devices.moved(V, where) for where in self.devices] or [V]

    def coded(
        self, V: Sequence[Array], before: Sequence[Codes | None], *, each: bool = False
    ) -> tuple[list[Coded], Quadratic]:
        """Return the codes of all blocks, and the sums over all rows, where X is."""
        made, sums = zip(*self._each(partial(Block.coded, each=each), V, before), strict=True)
        return list(made), reduce(accumulate, map(self._here, sums))

    def summed(self, V: Sequence[Array], made: Sequence[Coded]) -> Quadratic:
        """Return the sums over all rows and their codes, for other atoms than these are for."""
        sums: list[Quadratic] = self._each(Block.summed, V, made)
        whole: Quadratic = reduce(accumulate, map(self._here, sums))
        return whole

    def told(self, V: Sequence[Array], made: Sequence[Coded]) -> list[Told]:
        """Return what each block says of its codes, where X is."""
        return [self._here(told) for told in self._each(Block.told, V, made)]

    def nonzeros(self, made: Sequence[Coded]) -> list[Array]:
        """Return the sum of the non-zeros of each block by the weights, 0-d, where X is."""

        def count(block: Block, one: Coded) -> Array:
            return block.samples.summed(one.codes.nonzeros(), None)

        where = device(self.X) if self.devices else None
        counts = self._each(count, made)
        return counts if where is None else [devices.moved(one, where) for one in counts]

    def without(self, made: Sequence[Coded], dead: np.ndarray) -> list[Codes]:
        """Return all codes with zeros for the atoms that are dead, (k,) bool on the host."""
        return self._each(lambda block, one: one.codes.without(dead), made)

    def _here(self, values: Any) -> Any:
        if not self.devices:
            return values
        where = device(self.X)
        return type(values)(*(None if a is None else devices.moved(a, where) for a in values))

    def _each(self, job: Callable[..., Result], *columns: Sequence[Any]) -> list[Result]:
        """Map a job over the blocks and what there is for each, where the block is."""
        if not self.devices:
            return [job(*row) for row in zip(self.blocks, *columns, strict=True)]
        rows = [block.samples.X for block in self.blocks]
        return devices.on_each(job, rows, self.blocks, *columns)


def code_of(made: Sequence[Made], like: Array) -> Array:
    """Return the codes of all blocks as an array (n, k) where `like` is, or where the rows are."""
    first = made[0]
    if not isinstance(first, Coded):
        return first.codes.array()
    return devices.gathered([one.codes.array() for one in made], like)


def gap_of(made: Sequence[Made], like: Array) -> Array:
    """Return the gaps of all blocks, (n,), where `like` is, or where the rows are."""
    first = made[0]
    if not isinstance(first, Coded):
        return first.gap
    return devices.gathered([one.gap for one in made], like)


def own(made: Sequence[Made], like: Array) -> Sequence[Made]:
    """Return codes whose gaps may be written; those of several blocks are gathered each time."""
    first, *others = made
    if others or not isinstance(first, Coded):
        return made
    return [first._replace(gap=copied(gap_of(made, like)))]


def _cut(x: Array, cuts: Sequence[slice], where: Sequence[Any]) -> list[Array]:
    pairs = zip(cuts, where, strict=True)
    return [devices.moved(x[here, ...], there) for here, there in pairs]
