"""The small problems of the working set: what each way of solving them promises, alone."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.objective import quadratic
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.loop import run, stepped
from gpudict.solvers.portable import _small_lasso, working_set
from gpudict.solvers.portable._small_lasso import Small
from gpudict.solvers.stopping import duality_gap
from tests.support import problems
from tests.support.backends import on_jax


def small(positive: bool, copies: float | None = None):
    """Return 40 problems of 6 atoms, in float64, with a threshold for each."""
    rng = np.random.default_rng(0)
    V = rng.standard_normal((40, 6, 8))
    if copies is not None:
        V[:, 3:] = V[:, :3] + copies * V[:, 3:]
    V /= np.linalg.norm(V, axis=2, keepdims=True)
    X, t = rng.standard_normal((40, 8)), rng.uniform(0.02, 0.5, (40, 6))
    return Small.of(V @ V.transpose(0, 2, 1), (V @ X[:, :, None])[:, :, 0], t, positive)


def test_a_code_that_is_a_small_difference_is_exact_in_float32():
    """A step that lowers the objective by less than its rounding is taken all the same."""
    rng = np.random.default_rng(0)
    V = rng.standard_normal((400, 4, 8))
    V /= np.linalg.norm(V, axis=2, keepdims=True)
    U = rng.uniform(0.02, 0.05, (400, 4)) * (rng.random((400, 4)) < 0.6)  # beside a threshold of 1
    G = (V @ V.transpose(0, 2, 1)).astype(np.float32)
    corr = np.where(U > 0, 1, rng.uniform(-0.9, 0.9, U.shape))
    b = (_small_lasso.times(G.astype(np.float64), U) + corr).astype(np.float32)
    for positive in (False, True):
        p = Small.of(G, b, np.ones_like(b), positive)
        near = _small_lasso.fista(p, np.zeros_like(b), 12)
        error = np.abs(_small_lasso.polish(p, near, 4) - U)
        once = np.linalg.cond(G.astype(np.float64)) * 4 * np.finfo(np.float32).eps
        assert (error.max(axis=1) <= once).all()


def off(p: Small, u):
    """Return how far each row is off the optimality conditions."""
    corr = p.b - _small_lasso.times(p.G, u)
    inside = np.where(u != 0, np.abs(corr - p.t * np.sign(u)), 0)
    return np.maximum(inside, p.pull(corr) - p.t).max(axis=1)


def value(p: Small, u):
    return p.objective(u, _small_lasso.times(p.G, u))[:, 0]


@pytest.mark.parametrize("positive", [False, True])
def test_each_way_ends_at_the_optimum(positive: bool):
    p, zero = small(positive), np.zeros((40, 6))
    slow = _small_lasso.fista(p, zero, 4000)
    assert (off(p, slow) < 1e-9).all()
    plain, best = zero, value(p, slow)
    for _ in range(30):  # without momentum the worst row is far behind
        plain = _small_lasso.fista(p, plain, 1)
    above = [(value(p, u) - best).max() for u in (_small_lasso.fista(p, zero, 30), plain)]
    assert above[0] < 0.1 * above[1]
    near = _small_lasso.fista(p, zero, 100)
    assert (off(p, near) > 1e-9).any()
    exact = _small_lasso.polish(p, near, 4)
    assert (off(p, exact) < 1e-13).all()
    for start in (zero, np.abs(np.random.default_rng(1).standard_normal((40, 6)))):
        u, before = start, value(p, start)
        for faces in range(1, 40):
            u = _small_lasso.descend(p, start, faces)
            if not positive:  # there codes below 0 are cut, and the rows that this harms kept out
                assert (value(p, u) <= before + 1e-13).all()
            assert not (positive and (u < 0).any())
            before = value(p, u)
        assert (off(p, u) < 1e-12).all()
        np.testing.assert_array_equal(_small_lasso.descend(p, u, 1) != 0, u != 0)
    np.testing.assert_allclose(exact, slow, atol=1e-8)
    for i in (3, 17):  # rows do not see each other
        one = Small(*(a[i : i + 1] for a in (p.G, p.ridged, p.b, p.t)), p.eye, positive)
        for way, steps in ((_small_lasso.descend, 3), (_small_lasso.fista, 7)):
            alone, some = way(one, start[i : i + 1], steps), way(p, start, steps)[i : i + 1]
            np.testing.assert_allclose(alone, some, atol=1e-12)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("copies", [1e-3, 1e-7, 0.0])
def test_no_way_is_up(positive: bool, copies: float):
    """Among atoms that nearly depend on each other, from bad starts, in few steps."""
    p, rng = small(positive, copies), np.random.default_rng(2)
    for size in (1e-3, 1.0, 1e3):
        start = size * rng.standard_normal((40, 6)) * (rng.random((40, 6)) < 0.7)
        start = np.abs(start) if positive else start
        before, noise = value(p, start), p.noise(start)[:, 0]
        for solves in (1, 2, 4):
            ends = [_small_lasso.polish(p, start, solves)]
            for end in ends if positive else [*ends, _small_lasso.descend(p, start, solves)]:
                assert (value(p, end) <= before + 4 * noise + 1e-9 * np.abs(before)).all()
                assert not (positive and (end < 0).any())


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_noise_is_what_rounding_does(size: float):
    """To the objective in float32, however large that is: no less, nor hundreds of times more."""
    p, u = small(False), size * np.random.default_rng(3).standard_normal((40, 6))
    p = p._replace(b=size * p.b, t=size * p.t)
    single = Small(*(a.astype(np.float32) for a in p[:5]), False)
    wide, u = Small(*(a.astype(float) for a in single[:5]), False), u.astype(np.float32)
    away, noise = np.abs(value(single, u) - value(wide, u.astype(float))), single.noise(u)[:, 0]
    assert (away <= noise).all()
    assert noise.mean() <= 300 * away.mean()
    assert (single.noise(u, 0.0)[:, 0] < noise).all()


def test_rounds_in_parts_are_rounds(monkeypatch: pytest.MonkeyPatch):
    """Where there is no space for all small Grams at once; later rounds do more, and descend."""
    X, V = problems.signal(n=60, d=12, k=40, seed=1)
    q, rule, zero = quadratic.least_squares(X, V), duality_gap(1e-12), np.zeros((60, 40))
    options = {"stop": rule, "max_iter": 30}
    whole = run(working_set.SOLVER, q, L1(0.05), zero, **options)
    assert whole.converged.all()
    with monkeypatch.context() as patch:
        patch.setattr(working_set, "small_gram_numbers", lambda *a: 10**12)
        parts = run(working_set.SOLVER, q, L1(0.05), zero, **options)
    np.testing.assert_allclose(parts.Z, whole.Z, atol=1e-9)
    efforts = []
    solve = working_set._solve

    def see(*given, effort, **others):
        efforts.append((effort, given[3].shape[1]))
        return solve(*given, effort=effort, **others)

    monkeypatch.setattr(working_set, "_solve", see)
    stepped(working_set.SOLVER, q, L1(0.05), zero, 8)
    assert [e.faces for e, _ in efforts] == [0, 0, 0, 0, 4, 4, 4, 4]
    assert [e.steps for e, _ in efforts] == [12, 20, 30, 30, 30, 34, 38, 42]
    efforts.clear()
    warm = stepped(working_set.SOLVER, q, L1(0.05), whole.Z, 4)
    assert [e.steps for e, _ in efforts] == [6, 30, 30, 30]
    most = (whole.Z != 0).sum(axis=1).max()
    assert efforts[0][1] == most + max(4, int(0.125 * most))
    np.testing.assert_allclose(warm, whole.Z, atol=1e-9)


def test_a_round_of_jax_eager_is_traced_once(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("jax")
    X, V = (on_jax(a) for a in problems.signal(n=9, d=6, k=8, seed=1))
    traces, real = [], working_set.fista
    monkeypatch.setattr(working_set, "fista", lambda *a: traces.append(0) or real(*a))
    options = {"alpha": 0.1, "solver": "working_set", "max_iter": 1}
    first = gpudict.encode(X, V, **options)
    assert traces
    traces.clear()
    again = gpudict.encode(X, V, **options)
    assert not traces
    np.testing.assert_array_equal(again.Z, first.Z)
