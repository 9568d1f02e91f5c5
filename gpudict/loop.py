"""The one iteration of the house, and the one place that waits for the device.

A solver is a module with two functions, `init` and `step`, and three facts about itself:

    init(q, penalty, Z) -> State        State.Z are the codes, State.corr = cov − Z·gram
    step(q, penalty, state) -> State    never writes into what it is given
    settled(state) -> (n,) bool         rows that no further step improves
    width(state) -> (n,) or None        a number of each row that the next steps want to know on the
    resized(state, width) -> State      host: they get its largest value with the next check
    room(k, most) -> int                numbers that a row takes at once, with `most` atoms in use;
                                        where it is missing, eight dense rows of length k
    CHECK_EVERY                         steps between two checks

A State is a NamedTuple: of its arrays, those of two dimensions and more and those of shape (n,)
have the rows first, 0-d ones are shared. So the loop can drop finished rows from any solver.

A check costs one wait: how many rows are done, the largest gap, the largest width, in one
transfer. When a tenth of the rows is done they leave, by an argsort of the flags, which needs no
wait, because their number is known.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from gpudict import quadratic
from gpudict._array import Array, array_namespace, few_shapes, read, take
from gpudict.history import Check
from gpudict.penalties import Penalty
from gpudict.quadratic import Quadratic
from gpudict.stopping import Rule, Verdict

COMPACT = 0.1  # share of finished rows worth a copy of the others


class Solution(NamedTuple):
    """What a solver returns, in the order of the rows of X.

    Attributes
    ----------
    Z : (n, k), the codes
    gap : (n,), an upper bound on objective − optimum of each row; inf where none is known
    converged : (n,) bool, whether the row reached what was asked
    n_iter : steps made
    history : list of Check
    """

    Z: Array
    gap: Array
    converged: Array
    n_iter: int
    history: list[Check]


class _Part(NamedTuple):
    ids: Array
    Z: Array
    gap: Array
    reached: Array


def run(
    solver: ModuleType,
    q: Quadratic,
    penalty: Penalty,
    Z: Array,
    /,
    *,
    stop: Rule | None,
    max_iter: int,
    check_every: int | None = None,
) -> Solution:
    """Iterate `solver` on the quadratic plus the penalty, from Z, until every row is done.

    Without a rule it makes max_iter steps and never waits.
    """
    every: int = solver.CHECK_EVERY if check_every is None else check_every
    xp = array_namespace(Z)
    state, n_iter = solver.init(q, penalty, Z), 0
    ids = xp.arange(Z.shape[0], device=Z.device)
    parts: list[_Part] = []
    history: list[Check] = []
    verdict = None
    while n_iter < max_iter:
        state, n_iter, verdict = solver.step(q, penalty, state), n_iter + 1, None
        if stop is None or (n_iter % every and n_iter < max_iter):
            continue
        verdict = stop(solver, q, penalty, state)
        done, gap, width = _look(solver, q, state, verdict)
        rows = ids.shape[0]
        history.append(Check(n_iter, rows - done, gap))
        if done == rows:
            break
        state = solver.resized(state, width) if hasattr(solver, "width") else state
        left = few_shapes(ids, rows - done, rows)
        if penalty.separable and n_iter < max_iter and rows - left >= COMPACT * rows:
            order = xp.argsort(xp.astype(verdict.done, xp.int32))
            stay, leave = order[:left], order[left:]
            parts.append(_part(ids, state, verdict, leave))
            ids, q, state = take(ids, stay), quadratic.rows(q, stay), _rows(state, stay)
    if verdict is None:
        verdict = _final(solver, q, penalty, state, stop)
    parts.append(_Part(ids, state.Z, verdict.gap, verdict.reached))
    return Solution(*_in_order(parts), n_iter, history)


def _look(solver: Any, q: Quadratic, state: Any, verdict: Verdict) -> tuple[int, float, int]:
    """Read back how many rows are done, the largest relative gap and the largest width."""
    xp = array_namespace(q.sq)
    done = xp.astype(verdict.done, q.sq.dtype)
    some = xp.where(q.sq > 0, q.sq, xp.ones_like(q.sq))
    numbers = [xp.sum(done), xp.max(2 * verdict.gap / some)]
    if hasattr(solver, "width"):
        numbers.append(xp.max(xp.astype(solver.width(state), done.dtype) * (1 - done)))
    count, gap, *width = read(*numbers)
    return round(count), gap, round(width[0]) if width else 0


def _final(solver: Any, q: Quadratic, penalty: Penalty, state: Any, stop: Rule | None) -> Verdict:
    if stop is not None:
        return stop(solver, q, penalty, state)
    xp = array_namespace(q.sq)
    no = xp.zeros(q.sq.shape, dtype=xp.bool, device=q.sq.device)
    return Verdict(no, no, xp.full_like(q.sq, xp.inf))


def _rows(state: Any, index: Array) -> Any:
    return type(state)(*(take(a, index) if getattr(a, "ndim", 0) else a for a in state))


def _part(ids: Array, state: Any, verdict: Verdict, index: Array) -> _Part:
    return _Part(*(take(a, index) for a in (ids, state.Z, verdict.gap, verdict.reached)))


def _in_order(parts: list[_Part]) -> tuple[Array, Array, Array]:
    if len(parts) == 1:
        return parts[0].Z, parts[0].gap, parts[0].reached
    xp = array_namespace(parts[0].Z)
    order = xp.argsort(xp.concat([p.ids for p in parts]))
    Z, gap, reached = (xp.concat([p[i] for p in parts], axis=0) for i in (1, 2, 3))
    return take(Z, order), take(gap, order), take(reached, order)
