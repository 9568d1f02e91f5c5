"""How far a run over mini-batches is, and what a checkpoint of it holds.

What a step leaves for the next to write into is stored as it is, with its Gram and its factors:
made anew from the state, it would differ in the last bits, and so would all that follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gpudict.arrays import generators
from gpudict.arrays.door import Array, float64_of
from gpudict.learning.blocks import Coded, Made, gap_of
from gpudict.learning.checkpoint import Record, Stored, host_dtype, packed, placed
from gpudict.learning.keeper import Keeper
from gpudict.learning.kept import Kept, Sums, memories
from gpudict.learning.online import Step
from gpudict.learning.patience import Patience
from gpudict.learning.records import Progress, State
from gpudict.learning.source import Batch
from gpudict.learning.updates import Recipe
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import Atoms

Watch = Callable[[Step, Patience, str | None], object]  # of a step; True stops
PARTS = ("gram", "cov", "squares")
COUNTS = {"step": 0, "seen": 0.0, "used": 0.0, "fresh": 0.0}  # of a State
FACTORS = {"recent": 1.0, "long": 1.0}
PASSES = {"n_iter": 0, "batches": 0}


@dataclass
class Walk:
    """A run so far.

    Attributes
    ----------
    patience : when to stop
    state, kept : of the last step, and what the next may write into
    shuffled : where the random generator was before rows were shuffled
    n_iter, batches : the pass that is begun, and the batches of it that are over
    made : the codes of the last batch
    told : the gaps of its rows, (b,), where they are known without its codes
    ended : whether no step follows
    stopped : whether none would follow however many there may be
    alpha : what was found for a target, so far
    """

    patience: Patience
    state: State
    shuffled: dict[str, Any]
    kept: Kept | None = None
    history: list[Progress] = field(default_factory=list)
    converged: bool = True
    n_iter: int = 0
    batches: int = 0
    made: Sequence[Made] = ()
    told: Array | None = None
    ended: bool = False
    stopped: bool = False
    alpha: float | None = None

    def __post_init__(self) -> None:
        past = self.history[-1].seconds if self.history else 0.0
        self.began = time.perf_counter() - past

    def goes_on(self, now: Step, n_iter: int) -> None:
        """Take a step, of the pass of that number."""
        self.state, self.kept = now.state, now.kept
        self.converged, self.made = self.converged and now.converged, now.made
        self.batches = self.batches + 1 if n_iter == self.n_iter else 1
        self.n_iter = n_iter
        seconds = time.perf_counter() - self.began
        self.history.append(Progress(*now.progress[:4], seconds))

    @property
    def gap(self) -> Array | None:
        """The gap of each row of the last batch, (b,), if there was one."""
        if self.made and not isinstance(self.made[0], Coded):
            return self.state.atoms[:0, 0]  # codes that are elsewhere are not fetched for it
        return gap_of(self.made, self.state.atoms) if self.made else self.told

    def order(self, rng: Any) -> Any:
        """Return the generator that shuffles the rows: as it was, where some are over."""
        return generators.restored(self.shuffled, "random_state") if self.history else rng


def walked(
    walk: Walk,
    batches: Iterable[tuple[int, Batch]],
    made: Callable[[Batch], Step],
    most: int,
    watch: Watch | None,
    keeper: Keeper,
    until: float,
) -> None:
    """Make a step of each batch, `most` of them if it is not 0, until there is a reason to stop.

    A walk that has no more time is not at its end: it can go on.
    """
    for n_iter, batch in batches:
        keeper.begin(in_place=True)
        now = made(batch)
        walk.goes_on(now, n_iter)
        reason = walk.patience.reason(now, len(walk.history))
        walk.stopped = reason is not None
        walk.ended = walk.stopped or len(walk.history) == most
        keeper.over(walk)
        if watch is not None:
            shown = now._replace(last=walk.ended)
            walk.stopped |= watch(shown, walk.patience, reason) is True
        if walk.ended or walk.stopped:
            break
        if time.perf_counter() > until:
            return
        keeper.after()
    walk.ended = True


def record_of(walk: Walk) -> Record | None:
    """Return what a checkpoint is to hold, or None before the first step."""
    if not walk.history:
        return None
    state, kept = walk.state, walk.kept
    arrays: dict[str, Any] = {"atoms": state.atoms, "gap": walk.gap}
    memories = [(q.gram, q.cov, q.sq) for q in (state.recent, state.long)]
    for name, parts in zip(("recent", "long"), kept[2:4] if kept else memories, strict=True):
        arrays |= {f"{name}/{of}": a for of, a in zip(PARTS, parts, strict=True)}
    if kept is not None:
        arrays |= {"V": kept.V, "gram": kept.atoms.gram}
    values = {
        "counts": {name: type(like)(getattr(state, name)) for name, like in COUNTS.items()},
        "passes": {name: getattr(walk, name) for name in PASSES},
        "factors": None if kept is None else dict(zip(FACTORS, kept.factors, strict=True)),
        "patience": walk.patience.noted(),
        "shuffled": walk.shuffled,
        "converged": bool(walk.converged),
        "ended": walk.ended,
        "stopped": walk.stopped,
        "alpha": walk.alpha,
    }
    return packed(values, arrays, walk.history)


def walk_of(stored: Stored, like: Array, recipe: Recipe, patience: Patience) -> Walk:
    """Return the run that a checkpoint holds, by a recipe for data such as `like`."""
    k, d = recipe.k, like.shape[1]
    recent, long, kept = _past(stored, like, k)
    stored.generator("shuffled")
    counts, history = stored.numbers("counts", COUNTS), stored.history()
    if counts["step"] < len(history):
        raise stored.odd("history")
    atoms = placed(stored.array("atoms", (k, d), host_dtype(like.dtype)), like)
    return Walk(
        replace(patience, **stored.numbers("patience", patience.noted())),
        State(atoms, recent, long, **counts),
        stored["shuffled"],
        kept,
        history,
        stored["converged"] is True,
        **stored.numbers("passes", PASSES),
        told=placed(stored.array("gap", (None,), finite=False), like),
        ended=stored.ended,
        alpha=stored.alpha(recipe.aim),
    )


def _past(stored: Stored, like: Array, k: int) -> tuple[Quadratic, Quadratic, Kept | None]:
    """Return the memories, and what the next step may write into."""
    d, wide = like.shape[1], host_dtype(float64_of(like) or like.dtype)
    in_place = stored["factors"] is not None
    alone = getattr(stored.arrays.get("recent/gram"), "ndim", 2) == 1  # atoms apart, without A
    gram = (k,) if alone and not in_place else (k, k)
    shapes = (gram, (k, d) if in_place else (d, k), (d,))

    def sums(name: str) -> Sums:
        dtype = np.dtype(np.float64) if in_place else wide
        A, B, squares = (
            stored.array(f"{name}/{of}", shape, dtype)
            for of, shape in zip(PARTS, shapes, strict=True)
        )
        return A, B, squares

    recent, long = sums("recent"), sums("long")
    if not in_place:
        pair = [Quadratic(*(placed(a, like) for a in (B, s, A))) for A, B, s in (recent, long)]
        return pair[0], pair[1], None
    V, G = (stored.array(name, (k, n), np.dtype(np.float64)) for name, n in (("V", d), ("gram", k)))
    factors = stored.numbers("factors", FACTORS)
    kept = Kept(V, Atoms.of(G, d), recent, long, (factors["recent"], factors["long"]))
    return *memories(kept, placed(np.zeros(d, wide), like)), kept
