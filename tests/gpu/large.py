"""Lassos of as many rows and atoms as wanted, in memory that is mapped and hardly touched.

All but the last rows, and all but the last 48 atoms, are zero. The arguments are those of the
kernel, for a launcher; at 8 warps a block (float32, 32 places) the last blocks solve what is not
zero.
"""

from __future__ import annotations

import mmap
from typing import Any, NamedTuple

import numpy as np

from gpudict.objective.quadratic import least_squares
from gpudict.solvers.cuda import _launch as cuda
from tests.support import oracles, problems

ATOMS, ALPHA = 48, 0.05
WARPS = 8  # of a block
HOW = ("lasso", cuda.options("float", 1, 8))


class Lasso(NamedTuple):
    """The rows (m, d) and atoms (48, d) that are not zero, and the arguments."""

    X: np.ndarray
    V: np.ndarray
    arguments: tuple[Any, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Blocks, threads of a block, and bytes of shared memory."""
        return len(self.arguments[1]) // WARPS, WARPS * cuda.LANES, cuda.SHARED

    @property
    def last(self) -> range:
        """The blocks of the rows that are not zero."""
        return range(self.shape[0] - len(self.X) // WARPS, self.shape[0])

    def solved(self) -> bool:
        """Whether all rows say that they are solved, and are."""
        Z, gap, status = (a[-len(self.X) :] for a in self.arguments[6:9])
        codes = Z[:, -ATOMS:].astype(float)
        true = oracles.lasso_gap(self.X, self.V, codes, ALPHA, False)
        small = 1e-4 * (self.X.astype(float) ** 2).sum(axis=1)
        return bool(((status == cuda.SOLVED) & (true < small) & (abs(true - gap) < small)).all())


def lasso(n: int, k: int = ATOMS, m: int = 24) -> Lasso:
    """Return n rows over k atoms, of which m are not zero: opposite atoms, codes to start from."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((ATOMS, 30)))
    V[5] = -V[2]
    X = rng.standard_normal((m, 30))
    codes = rng.standard_normal((m, ATOMS)) * (rng.random((m, ATOMS)) < 0.2)
    codes *= (np.arange(m) % 3 == 0)[:, None]
    X, V = X.astype("float32"), V.astype("float32")
    q = least_squares(X, V)
    G = q.gram if k == ATOMS else mapped(k, k)
    C, start, Z = (mapped(n, k) for _ in range(3))
    sq, alphas, gap, status = (mapped(n) for _ in range(4))
    G[-ATOMS:, -ATOMS:], C[-m:, -ATOMS:], start[-m:, -ATOMS:] = q.gram, q.cov, codes
    sq[-m:], alphas[-m:] = q.sq, ALPHA
    arrays = (G, C, sq, alphas, np.ones(1, "float32"), start, Z, gap, status.view("int32"))
    return Lasso(X, V, (*arrays, *(np.int32(v) for v in (n, k, 0, 0, 50, 0, 0))))


def mapped(*shape: int) -> np.ndarray:
    """Return zeros that take memory once they are touched."""
    size = 4 * int(np.prod(shape))
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    return np.frombuffer(mmap.mmap(-1, size, flags=flags), np.float32).reshape(shape)
