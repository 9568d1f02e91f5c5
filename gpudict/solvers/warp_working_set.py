"""The working-set lasso on CUDA devices, for many atoms: a warp solves each small problem whole.

A round is that of `working_set`, but the small problem of a row goes to the active-set kernel,
which ends at its optimum. No Gram of all atoms is formed; prices come from the residual,
(X − Z V) Vᵀ. A row whose code outgrows 64 atoms is left to the portable solver.
"""

from __future__ import annotations

from gpudict._array import array_namespace, few_shapes, pick, scatter, still
from gpudict.kernels import cuda
from gpudict.penalties import L1
from gpudict.quadratic import Quadratic, correlation, small_gram_numbers, small_grams
from gpudict.solvers.working_set import (
    CHECK_EVERY,
    COPIES,
    IDLE,
    State,
    choose,
    count,
    init,
    resized,
    room,
    settled,
    width,
    wished,
)

__all__ = [
    "CHECK_EVERY",
    "COMPILED",
    "FALLBACK",
    "init",
    "resized",
    "room",
    "settled",
    "step",
    "width",
]

COMPILED = "many"
FALLBACK = "working_set"
COLD = 24  # atoms of the first working set; later ones have
ADD, SHARE = 8, 0.25  # more than the largest support: so many, or such a share of it
ROUNDS = 100  # of a small problem


def step(q: Quadratic, penalty: L1, state: State) -> State:
    """Make one round."""
    xp = array_namespace(state.Z)
    n, k = state.Z.shape
    m = min(k, few_shapes(state.Z, wished(state, ADD, SHARE) if state.support else COLD, k))
    index = choose(penalty, state, m)
    before, b = pick(state.Z, index), pick(q.cov, index)
    slots = 1 if m <= cuda.LANES else 2
    rows = max(1, state.room // small_gram_numbers(q, m, COPIES))
    parts = []
    for low in range(0, n, rows):
        part = slice(low, min(low + rows, n))
        small = Quadratic(b[part, :], q.sq[part], small_grams(q, index[part, :]))
        how = {"slots": slots, "rounds": ROUNDS}
        parts.append(cuda.lasso(small, penalty.alpha, penalty.positive, before[part, :], **how))
    u, _, status = (xp.concat(p, axis=0) if len(p) > 1 else p[0] for p in zip(*parts, strict=True))
    Z = scatter(index, u, u != 0, k)
    corr, size = correlation(q, Z), penalty.value(Z)
    value = size - 0.5 * xp.sum(Z * (q.cov + corr), axis=1)
    noise = 4 * float(xp.finfo(Z.dtype).eps) * (size + xp.sum(xp.abs(Z * q.cov), axis=1))
    lower = (value + noise < state.lowest) & ~still(u, before)
    idle = xp.where(lower, xp.zeros_like(state.idle), state.idle + 1)
    idle = xp.where(status == cuda.SOLVED, idle, xp.full_like(idle, IDLE))
    known = {"supports": count(u), "lowest": xp.minimum(value, state.lowest), "idle": idle}
    return state._replace(Z=Z, corr=corr, round=state.round + 1, **known)
