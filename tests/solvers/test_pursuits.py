"""Pursuits, compiled and portable: near copies, ties, and the targets at which they stop."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.coding.solve import solve
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import correlation, least_squares
from gpudict.solvers.loop import run
from gpudict.solvers.portable import face_walk, lars, omp
from gpudict.solvers.registry import all_solvers, portable_solver
from gpudict.solvers.stopping import duality_gap, exhausted
from tests.support import oracles, problems
from tests.support.problems import unit
from tests.support.solving import usable


class TestPursuit:
    """The compiled pursuit is the portable one, near the edge too."""

    @pytest.mark.parametrize("solver", ["omp", "ols", "lars"])
    @pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-4, 1e-5])
    def test_near_copies(self, distance, solver):
        """Each of five atoms has one: what remains is the least squares of all ten."""
        rng = np.random.default_rng(0)
        V = rng.standard_normal((10, 12))
        V[5:] = V[:5] + distance * rng.standard_normal((5, 12))
        X, V = problems.unit(rng.standard_normal((60, 12))), problems.unit(V)
        found = gpudict.encode(X, V, n_nonzero_coefs=10, solver=solver)
        error = ((X - found.Z @ V) ** 2).sum(axis=1)
        best = ((X - X @ np.linalg.pinv(V) @ V) ** 2).sum(axis=1)
        np.testing.assert_allclose(error, best, atol=1e-6)
        half = gpudict.encode(X, V, target_error=0.3, solver=solver)
        error = ((X - half.Z @ V) ** 2).sum(axis=1)
        np.testing.assert_array_equal(half.converged, error <= 0.3)

    @pytest.mark.parametrize("solver", ["omp", "ols"])
    def test_of_equal_atoms_the_first_is_taken(self, solver):
        Z = gpudict.encode(np.ones((1, 40)), np.eye(40), n_nonzero_coefs=3, solver=solver).Z
        assert np.flatnonzero(Z).tolist() == [0, 1, 2]

    @pytest.mark.parametrize("solver", usable("batch_omp", "batch_ols"))
    def test_float32_is_chosen_by_as_well(self, solver):
        """Down to a rest that is rounding of the data; an atom of zeros hides none."""
        rng = np.random.default_rng(0)
        V = unit(rng.standard_normal((24, 12)))
        V[20] = 0
        X = (V[4] + 1e-3 * rng.standard_normal((40, 3)) @ V[:3]).astype("f4")
        V, found = V.astype("f4"), {}
        for dtype in ("f4", "f8"):
            data = X.astype(dtype), V.astype(dtype)
            found[dtype] = gpudict.encode(*data, n_nonzero_coefs=8, solver=solver).Z
        np.testing.assert_allclose(found["f4"], found["f8"], rtol=1e-6)
        assert (found["f4"][:, 4] > 0.5).all()

    @pytest.mark.parametrize("solver", usable("batch_omp", "batch_ols"))
    def test_what_float32_can_not_tell_apart(self, solver):
        """Each atom has a copy that differs by rounding of float32: the better one is taken."""
        rng = np.random.default_rng(0)
        V = unit(rng.standard_normal((40, 12)))
        V = np.concatenate([V, V + 1e-7 * rng.standard_normal(V.shape)])
        turn = np.linalg.qr(rng.standard_normal((12, 12)))[0]
        V = unit(V - V @ turn[:, :1] * turn[:, 0])
        X = rng.standard_normal((200, 12))
        for data in (X, X + 300 * turn[:, 0]):  # of which most is beyond all atoms
            Z = gpudict.encode(data, V, n_nonzero_coefs=1, solver=solver).Z
            np.testing.assert_array_equal(
                np.argmax(np.abs(Z), axis=1), np.argmax(np.abs(X @ V.T), 1)
            )
        X += 300 * V[:1]  # which leaves little
        q = least_squares(X, V)
        name, penalty = solver.removeprefix("batch_"), Cardinality(3)
        Z = gpudict.encode(X, V, n_nonzero_coefs=3, solver=solver).Z
        want = run(portable_solver(name), q, penalty, 0 * q.cov, stop=exhausted, max_iter=100).Z
        np.testing.assert_array_equal(Z != 0, want != 0)

    @pytest.mark.parametrize("solver", usable("batch_omp", "omp", "batch_ols", "ols", "homotopy"))
    def test_steps_and_small_rest(self, solver):
        X, V = np.array([[1, 1e-9, 0, 0]]), np.eye(4)
        for options in ({"n_nonzero_coefs": 2}, {"target_error": 1e-19}):
            found = gpudict.encode(X, V, solver=solver, **options)
            close = 1e-14 if solver == "homotopy" else 0  # it leaves such a target to a ridge
            np.testing.assert_allclose(found.Z, X, rtol=close)
            assert found.converged
        for max_iter in (0, 1):
            found = gpudict.encode(X, V, n_nonzero_coefs=2, solver=solver, max_iter=max_iter)
            assert np.count_nonzero(found.Z) == max_iter
            assert not found.converged

    def test_slots_are_doubled_when_they_are_full(self):
        """A row's factor has 8, 16 or 32 places, as its atoms need, and memory is asked for so."""
        q, penalty = least_squares(np.arange(20.0, 0, -1)[None], np.eye(20)), Cardinality(20)
        state = omp.SOLVER.init(q, penalty, 0 * q.cov)
        for step in range(1, 21):
            state = omp.SOLVER.step(q, penalty, state)
            np.testing.assert_array_equal(state.Z, np.where(np.arange(20) < step, q.cov, 0))
            slots = state.y.shape[1]
            assert slots == 8 if step <= 8 else slots // 2 < step <= slots <= 32
            assert omp.SOLVER.numbers_per_row(0, step, 0) == 6 * slots**2

    @pytest.mark.parametrize("positive", [False, True])
    @pytest.mark.parametrize("name", ["omp", "ols", "lars"])
    def test_every_form_of_a_problem(self, name, positive):
        """The codes are the same with a Gram, without one and without data: those of the oracle."""
        rng = np.random.default_rng(0)
        X, V = rng.standard_normal((20, 8)), unit(rng.standard_normal((12, 8)))
        V *= np.geomspace(0.5, 2, 12)[:, None]
        q = least_squares(X, V)
        for most, target in ((4, 0.0), (8, 1.0)):
            penalty, want = Cardinality(most, target, positive), None
            for form in (q, q._replace(gram=None), q._replace(factors=None)):
                start, solver = 0 * q.cov, portable_solver(name)
                Z = run(solver, form, penalty, start, stop=exhausted, max_iter=100).Z
                if name != "lars":
                    oracle = getattr(oracles, name)
                    want = [oracle(x, V, most, target, positive) for x in X]
                elif form is q:
                    want = Z
                np.testing.assert_allclose(Z, want, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", usable("homotopy"))
def test_the_compiled_path_is_the_portable_one(name, seed):
    """Event by event, wherever it ends: at alpha, after some atoms or events, or at a target."""
    rng = np.random.default_rng(seed)
    X, V = rng.standard_normal((12, 8)), rng.standard_normal((14, 8))
    X[0], V[6] = 0, 0
    top = float(np.abs(X @ V.T).max())
    for positive in (False, True):
        limits = [(most, 0.0) for most in (1, 3, 8)] + [(8, 2.0)]
        penalties = [L1(share * top, positive) for share in (1.1, 0.3, 0.01)]
        for penalty in (*penalties, *(Cardinality(*some, positive) for some in limits)):
            for rounds in (0, 1, 4, 2000)[seed % 2 :: 2]:
                stop = duality_gap(1e-9) if penalty.certified else exhausted
                plans = (
                    Plan(all_solvers()[one], penalty, stop, 1e-9, rounds) for one in (name, "lars")
                )
                ours, theirs = (solve(Request(X, V), plan) for plan in plans)
                np.testing.assert_allclose(ours.Z, theirs.Z, atol=1e-8 * top)
                np.testing.assert_array_equal(ours.converged, theirs.converged)
                assert max(ours.n_iter, min(rounds, 1)) == theirs.n_iter


class TestTies:
    """Small integers: many atoms tie, many depend on each other."""

    @pytest.mark.parametrize("positive", [False, True])
    def test_integers(self, positive):
        for seed in range(40):
            rng = np.random.default_rng(seed)
            V = rng.integers(-1, 2, (12, 6)).astype(float)
            X = rng.integers(-2, 3, (10, 6)).astype(float)
            for most in (1, 2, 4):
                options = {"n_nonzero_coefs": most, "positive": positive}
                for solver in ("lars", "omp", "ols"):
                    Z = gpudict.encode(X, V, solver=solver, **options).Z
                    assert (np.count_nonzero(Z, axis=1) <= most).all()
                    assert np.isfinite(Z).all()
            for alpha in (0.3, 0.01):
                found = gpudict.encode(X, V, alpha=alpha, solver="lars", positive=positive)
                assert found.converged.all(), (seed, alpha)

    def test_equal_atoms(self):
        """One of several equal atoms stands for all of them."""
        for solver in ("lars", "omp", "ols"):
            Z = gpudict.encode(
                np.ones((1, 4)), np.ones((5, 4)) / 2, n_nonzero_coefs=2, solver=solver
            ).Z
            np.testing.assert_allclose(np.sort(Z), [[0, 0, 0, 0, 2]], atol=1e-9)


class TestPath:
    """The homotopy alone, without the solver that finishes what it leaves."""

    @pytest.mark.parametrize("positive", [False, True])
    def test_atoms_come_back(self, positive):
        """Those that left, and those that were barred while they depended on others."""
        for seed in range(4):
            rng = np.random.default_rng(seed)
            X, some = rng.standard_normal((20, 8)), rng.standard_normal((16, 8)) + 1
            copies = np.concatenate([some[:5], some[:5] + some[5:10], some[5:10]])
            for V in (some, copies, rng.integers(-1, 2, (12, 8)).astype(float)):
                q = least_squares(X, unit(V))
                stop, penalty = duality_gap(1e-8), L1(1e-3, positive)
                found = run(lars.SOLVER, q, penalty, np.zeros(q.cov.shape), stop=stop, max_iter=200)
                assert found.converged.all(), seed

    @pytest.mark.parametrize("positive", [False, True])
    def test_a_walk_knows_its_end(self, positive):
        """Where no gap is small enough: no atom pulls beyond alpha, and no step is left."""
        rng = np.random.default_rng(0)
        q = least_squares(rng.standard_normal((20, 8)), unit(rng.standard_normal((16, 8))))
        stop, penalty = duality_gap(0.0), L1(0.1, positive)
        found = run(face_walk.SOLVER, q, penalty, 0 * q.cov, stop=stop, max_iter=500)
        assert found.history[-1].unfinished == 0
        assert found.n_iter <= 60
        assert (penalty.certificate(q, found.Z) < 1e-12).all()

    @pytest.mark.parametrize("positive", [False, True])
    def test_a_step_of_a_walk_goes_to_the_optimum_of_its_face(self, positive):
        """Where no atom pulls beyond alpha, none enters, though rounding has left the optimum."""
        rng = np.random.default_rng(0)
        X, V = rng.standard_normal((20, 8)), unit(rng.standard_normal((16, 8)))
        near = gpudict.encode(X, V, alpha=0.1, positive=positive, tol=1e-12).Z
        q, penalty = least_squares(X, V), L1(0.1, positive)
        first = face_walk.SOLVER.init(q, penalty, near)

        def step(Z):
            there = first._replace(Z=Z, corr=correlation(q, Z), signs=np.sign(near), used=16)
            return face_walk.SOLVER.step(q, penalty, there)

        best = step(near).Z
        assert (penalty.certificate(q, best) < 1e-12).all()
        for off in (1e-12, 1e-7):
            after = step(best * (1 + off * rng.standard_normal(best.shape)))
            np.testing.assert_allclose(after.Z, best, rtol=0, atol=1e-12)
            np.testing.assert_array_equal(after.signs, np.sign(near))

    @pytest.mark.parametrize("name", ["face_walk", "lars", "working_set"])
    def test_a_path_goes_on_from_no_atoms(self, name):
        """After a check that saw none, like one that was not checked."""
        rng = np.random.default_rng(0)
        q = least_squares(rng.standard_normal((20, 8)), unit(rng.standard_normal((16, 8))))
        solver, penalty = portable_solver(name), L1(0.1)
        state = solver.init(q, penalty, 0 * q.cov)
        first, after = (solver.step(q, penalty, s).Z for s in (state, solver.resized(state, 0)))
        np.testing.assert_allclose(after, first, atol=1e-12)

    @pytest.mark.parametrize("seed", [3, 8, 11, 15])
    def test_what_was_barred_may_come(self, seed):
        """Once an atom has left that it depended on: small integers, where many do."""
        rng = np.random.default_rng(seed)
        V = rng.integers(-1, 2, (12, 6)).astype(float)
        q = least_squares(rng.integers(-2, 3, (30, 6)).astype(float), V)
        for alpha, positive in ((0.3, False), (0.01, False), (0.3, True), (0.01, True)):
            stop, penalty = duality_gap(1e-8), L1(alpha, positive)
            found = run(lars.SOLVER, q, penalty, np.zeros(q.cov.shape), stop=stop, max_iter=200)
            assert found.converged.all()


class TestTargets:
    """A pursuit stops at its target, and says when it could not."""

    @pytest.mark.parametrize("solver", ["omp", "ols", "lars"])
    def test_reached(self, solver):
        rng = np.random.default_rng(0)
        X, V = rng.standard_normal((20, 10)), unit(rng.standard_normal((30, 10)))
        found = gpudict.encode(X, V, target_error=2.0, solver=solver)
        error = ((X - found.Z @ V) ** 2).sum(axis=1)
        assert found.converged.all()
        assert (error <= 2).all()
        assert (np.count_nonzero(found.Z, axis=1) < 10).any()
        few = gpudict.encode(X, V, target_error=2.0, n_nonzero_coefs=1, solver=solver)
        error = ((X - few.Z @ V) ** 2).sum(axis=1)
        np.testing.assert_array_equal(few.converged, error <= 2)
        assert not few.converged.all()

    @pytest.mark.parametrize("solver", ["omp", "ols"])
    @pytest.mark.parametrize("target", [1e-6, 1e-8])
    def test_in_float32(self, target, solver):
        rng = np.random.default_rng(3)
        V = unit(rng.standard_normal((60, 40))).astype("f4")
        X = unit(rng.standard_normal((100, 40))).astype("f4")
        found = gpudict.encode(X, V, target_error=target, solver=solver)
        error = ((X.astype(float) - found.Z.astype(float) @ V.astype(float)) ** 2).sum(axis=1)
        full = np.count_nonzero(found.Z, axis=1) == 40
        assert ((error <= 1.01 * target) | full).all()
