"""No certificate is below the truth, and portable solvers reach what `cd` does: in a table.

Kinds of matrix × sizes × dtypes × signs × alphas, from far below the rounding of the data to above
the largest pull, one a row or one for all, × solvers × libraries. The judge works in 100 digits and
has one ratio, (objective − optimum)/gap, and one threshold, 1.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import gpudict
from gpudict.solvers import places
from tests.support.backends import BackendCase
from tests.torture import cases
from tests.torture.judge import nothing_asked, problem

SOLVERS = ("working_set", "lars", "face_walk")
HARDEST = ("equal", "nearly_parallel", "zeros", "spectra", "ties")
PLAIN = ("fista", "cd_sweep", "ista")
ALL = [n if n == 2 else pytest.param(n, marks=pytest.mark.slow) for n in cases.SIZES]
sizes = pytest.mark.parametrize("size", ALL)
kinds = pytest.mark.parametrize("kind", cases.KINDS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
signs = pytest.mark.parametrize("positive", [False, True])


def held(judged, reached=None) -> None:
    """Assert that no certificate is below the truth, and none missing where another is reached."""
    assert (judged.ratio <= 1).all(), judged
    assert (judged.beside_zeros <= 1 + 1e-12).all(), judged
    assert reached is None or (judged.converged | ~reached).all(), (judged, reached)


@kinds
@sizes
@dtypes
@signs
def test_solvers(kind: str, size: int, dtype: str, positive: bool) -> None:
    p = problem(kind, size, dtype, positive)
    (X, V, alphas), sign = p.case, {"positive": positive}
    best = p.judged(gpudict.encode(X, V, alpha=alphas, **sign))
    held(best)
    for name in SOLVERS:
        held(p.judged(gpudict.encode(X, V, alpha=alphas, solver=name, **sign)), best.converged)
    for i in range(len(X)):  # one alpha for all
        row, alpha = slice(i, i + 1), float(alphas[i])
        held(p.judged(gpudict.encode(X[row], V, alpha=alpha, **sign), row), best.converged[row])


@kinds
@pytest.mark.parametrize("size", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
@dtypes
@signs
def test_plain_solvers(kind: str, size: int, dtype: str, positive: bool) -> None:
    """Those that make very many steps where atoms are near each other."""
    p = problem(kind, size, dtype, positive)
    (X, V, alphas), sign = p.case, {"positive": positive}
    reached = gpudict.encode(X, V, alpha=alphas, **sign).converged
    for name in PLAIN:
        held(p.judged(gpudict.encode(X, V, alpha=alphas, solver=name, **sign)), reached)


@kinds
@pytest.mark.parametrize("size", [pytest.param(n, marks=pytest.mark.slow) for n in (3, 10)])
@dtypes
@signs
def test_starts(kind: str, size: int, dtype: str, positive: bool) -> None:
    """From codes that are near, far, or of dependent atoms, however few the rounds."""
    p = problem(kind, size, dtype, positive)
    (X, V, alphas), rng = p.case, np.random.default_rng(0)
    near = gpudict.encode(X, V, alpha=2 * alphas, positive=positive).Z
    for init in (near, np.abs(rng.standard_normal(near.shape)).astype(dtype)):
        for solver in ("cd", "working_set"):
            for limit in (0, 1, None):
                found = gpudict.encode(
                    X, V, alpha=alphas, positive=positive, solver=solver, init=init, max_iter=limit
                )
                held(p.judged(found))


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        *((kind, 2) for kind in HARDEST),
        *(pytest.param(kind, 5, marks=pytest.mark.slow) for kind in cases.KINDS),
    ],
)
@dtypes
@signs
def test_libraries(
    kind: str, size: int, dtype: str, positive: bool, backend: BackendCase, monkeypatch
) -> None:
    """What `cd` is without compiled kernels, on arrays of each library.

    JAX compiles every shape, and dpnp is slow: they have the hardest kinds of one size.
    """
    if ("jax" in backend.name or "dpnp" in backend.name) and size > 2:
        pytest.skip("its shapes take long to compile")
    p = problem(kind, size, dtype, positive)
    X, V, alphas = p.case
    reached = gpudict.encode(X, V, alpha=alphas, positive=positive).converged
    monkeypatch.setattr(places, "numba_works", lambda: False)
    found = gpudict.encode(backend.asarray(X), backend.asarray(V), alpha=alphas, positive=positive)
    held(p.judged(found), reached)


@kinds
@sizes
@dtypes
def test_alpha_zero(kind: str, size: int, dtype: str) -> None:
    """Non-negative least squares: no certificate below the truth, and the same for all solvers."""
    zero = nothing_asked(kind, size, dtype)
    X, V, _ = zero.case
    best = zero.judged(gpudict.encode(X, V, alpha=0, positive=True))
    held(best)
    for name in SOLVERS:
        found = gpudict.encode(X, V, alpha=0, positive=True, solver=name)
        held(zero.judged(found), best.converged)


def test_it_sees_a_certificate_that_lies() -> None:
    """The judge's threshold is met by nothing that is half the truth."""
    p = problem("normal", 3, "float64", False)
    X, V, alphas = p.case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = gpudict.encode(X, V, alpha=alphas, init=np.ones((len(X), 3)), max_iter=0)
    truth = p.judged(found).ratio.max()
    assert 0.01 < truth <= 1
    assert (p.judged(found._replace(gap=0.5 * truth * found.gap)).ratio > 1).any()
