"""Compiled code: one table of constants, a cache that is never stale, answers and bounds."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from numba import types
from numba.core.dispatcher import Dispatcher

import gpudict
from gpudict.arrays.rows import Rows
from gpudict.coding import on_host
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import least_squares, relative_gap
from gpudict.solvers import constants
from gpudict.solvers.base import Atoms, Limits, RowBatch
from gpudict.solvers.cuda import _launch
from gpudict.solvers.host import kernels
from gpudict.solvers.host.kernels import active, compiling, faces, lasso, pursuit, rows, tournament
from gpudict.solvers.loop import run
from gpudict.solvers.registry import all_solvers, portable_solver
from gpudict.solvers.stopping import exhausted
from tests.support import oracles, problems

TABLES = {"lasso": constants.LASSO, "pursuit": constants.PURSUIT}


@pytest.mark.parametrize(("name", "modules"), [("lasso", (lasso, faces)), ("pursuit", (pursuit,))])
def test_one_table(name: str, modules):
    """The host has its row, CUDA both, by the same words; CUDA has no number of its own."""
    known = {word: value for module in modules for word, value in vars(module).items()}
    for word, value in TABLES[name]["float64"]._asdict().items():
        assert known[word] == value
    written = _launch.constants(name)
    for dtype, group in (("float32", r"\1)"), ("float64", r"\2)")):
        code = re.sub(r"sizeof\(real\) == 4 \? (\S+) : (\S+)\)", group, written)
        found = dict(re.findall(r"constexpr (?:int|real) (\w+) = (?:real\()?([^;)]+)", code))
        assert {word: float(value) for word, value in found.items()} == {
            word: float(value) for word, value in TABLES[name][dtype]._asdict().items()
        }
    own = re.findall(r"constexpr \w+ (\w+) = real\(", _launch.source(name))
    assert set(own) <= {*found, "NEVER"}


def test_the_cache_is_keyed_by_all_files(monkeypatch: pytest.MonkeyPatch):
    """A change of any kernel file, or of the constants, is another key."""
    before, read = compiling.digest(), Path.read_bytes
    folder = Path(compiling.__file__).parent
    for changed in (*folder.glob("*.py"), folder.parents[1] / "constants.py"):
        other = lambda self, c=changed: read(self) + b" " * (self == c)  # noqa: E731
        monkeypatch.setattr(Path, "read_bytes", other)
        assert compiling.digest.__wrapped__() != before, changed
    assert lasso.solve._cache._index_key("sig", Codegen())[-1] == before


class Codegen:
    """What Numba asks of a code generator for a key."""

    def magic_tuple(self):
        return ()


@pytest.mark.slow
def test_an_edited_kernel_runs(tmp_path: Path):
    """Of a file that others inline, while theirs is as it was: the next process sees the edit."""
    package = tmp_path / "gpudict"
    shutil.copytree(Path(gpudict.__file__).parent, package)
    run = (
        "import numpy as np, gpudict; "
        "print(gpudict.encode(np.eye(2), np.eye(2), n_nonzero_coefs=1).Z.sum())"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}

    def answer() -> str:
        return subprocess.run([sys.executable, "-c", run], check=True, **options).stdout.strip()

    assert answer() == answer() == "2.0"
    edited = package / "solvers" / "host" / "kernels" / "rows.py"
    text = edited.read_text()
    planted = text.replace("= atoms[a], u[a]", "= atoms[a], 3.0 * u[a]")
    assert planted != text
    edited.write_text(planted)
    assert answer() == "6.0"


def solved_rows(p: problems.Coding, init, *, most=None, max_iter=1000, single=False):
    """Return what the compiled lasso, or pursuit of `most` atoms, makes of a problem."""
    width = p.X.shape[1]
    atoms = Atoms.of(p.V @ p.V.T, width)
    batch = RowBatch(p.X @ p.V.T, (p.X**2).sum(axis=1), Rows.blank(len(p.X)))
    limits = Limits(1e-9, max_iter, single)
    if most is not None:
        penalty = Cardinality(min(most, len(p.V)), 0.0, p.positive)
        return all_solvers()["batch_omp"].solve_rows(atoms, batch, penalty, limits)
    batch = batch._replace(init=on_host.compressed(init))
    return all_solvers()["active_set"].solve_rows(atoms, batch, L1(p.alpha, p.positive), limits)


@pytest.mark.parametrize("seed", range(40))
def test_uncompiled_too(seed: int):
    """Of few atoms, with NUMBA_DISABLE_JIT=1 as well: the optimum from any start, and bounds."""
    p, rng = problems.coding(seed), np.random.default_rng(seed)
    half, (n, k) = 0.5 * (p.X**2).sum(axis=1), (len(p.X), len(p.V))
    near = np.where(rng.random((n, k)) < 0.5, np.abs(rng.standard_normal((n, k))), 0)
    values = []
    for init, single in ((np.zeros((n, k)), False), (near, False), (near, True)):
        found = solved_rows(p, init, single=single)
        U = found.codes.dense(k)
        away = oracles.lasso_gap(p.X, p.V, U, p.alpha, p.positive)
        tol = 1e-5 if single else 1e-9
        assert (away <= tol * half + 1e-15).all()
        values.append(oracles.lasso_objective(p.X, p.V, U, p.alpha))
        above = values[-1] - values[0]  # a bound may be closer than the gap of rounded codes
        assert (found.gap >= (above if single else away) * (1 - 1e-6) - 1e-15 * (1 + half)).all()
        assert single or found.converged.all()
        assert found.rounds <= 12
        assert all((np.diff(found.codes.cut(slice(i, i + 1)).columns) > 0).all() for i in range(n))
        assert not (p.positive and (U < 0).any())
    np.testing.assert_allclose(values[1], values[0], rtol=1e-8, atol=1e-15)
    U = solved_rows(p, near).codes.dense(k)
    again = solved_rows(p, U)
    assert again.rounds <= 1
    scale = 2.0**-40
    tiny = p._replace(X=scale * p.X, alpha=scale * p.alpha)
    np.testing.assert_allclose(solved_rows(tiny, scale * near).codes.dense(k), scale * U, rtol=1e-9)
    for most in (1, 3):
        Z = solved_rows(p, None, most=most).codes.dense(k)
        assert (np.count_nonzero(Z, axis=1) <= most).all()
        assert not (p.positive and (Z < 0).any())
        if not p.positive and seed % 4 and seed % 7 and seed % 11:  # nothing ties
            best = [oracles.omp(x, p.V, min(most, k, p.X.shape[1])) for x in p.X]
            np.testing.assert_allclose(Z, best, atol=1e-9)


@pytest.mark.parametrize("positive", [False, True])
def test_rounding_is_in_the_bound(positive: bool):
    """It is the gap of the codes as they are, and what so many summands may hide, to the digit."""
    rng = np.random.default_rng(0)
    V, X = rng.standard_normal((6, 5)), rng.standard_normal((8, 5))
    U = rng.standard_normal((8, 6)) * (rng.random((8, 6)) < 0.5) * np.geomspace(1e-3, 1, 8)[:, None]
    U = np.abs(U) if positive else U
    terms = 1e12
    atoms = Atoms.of(V @ V.T, int(terms))
    batch = RowBatch(X @ V.T, (X**2).sum(axis=1), on_host.compressed(U))
    for alpha in (0.01, 0.3, 20.0):
        solver, penalty = all_solvers()["active_set"], L1(alpha, positive)
        found = solver.solve_rows(atoms, batch, penalty, Limits(1e-9, 0, False))
        unit = (terms + 4) * np.finfo(float).eps
        want = oracles.lasso_bound(X, V, U, alpha, positive, unit)
        np.testing.assert_allclose(found.gap, want, rtol=1e-10)
        np.testing.assert_array_equal(found.codes.dense(6), U)
        single = solver.solve_rows(atoms, batch, penalty, Limits(1e-5, 0, True))
        moved = np.abs(U.astype(np.float32) - U)
        slope = np.abs((X - U @ V) @ V.T - alpha * np.sign(U))
        raised = (moved * slope).sum(axis=1) + 0.5 * (moved @ np.linalg.norm(V, axis=1)) ** 2
        np.testing.assert_allclose(single.gap - found.gap, raised, rtol=1e-5, atol=1e-14)


def test_uncompiled_walks_end_at_the_first_zero():
    """Also where a code is 0 and stays, moves to 0 by 1, or is 0 at the same time as others."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        s, size, d = rng.choice([-1.0, 1.0], 4), rng.integers(0, 3, 4), rng.integers(-3, 4, 4) + 0.0
        set_of = active.active(4)
        set_of.u[:4], set_of.s[:4] = s * size, s
        stops = np.where((s * size + d) * s <= 0, size / np.maximum(np.abs(d), 1), np.inf)
        t, place = faces.first_zero(set_of, d, 4)
        assert t == min(stops.min(), 1)
        assert stops[place] == t if place >= 0 else np.isinf(stops).all()


@pytest.mark.parametrize("k", [1, 16, 40, 300])
def test_the_tournament_is_a_stable_sort(k: int):
    """The strongest first, of equal ones the first, none twice, none of the set, none too weak."""
    rng, wide = np.random.default_rng(k), tournament.width_for(k)
    for positive, values in ((False, 4), (True, 4), (False, 10**6)):
        corr = rng.integers(-values, values + 1, k).astype(float)
        atoms = rng.permutation(k)[: k // 3]
        pull, best = np.zeros(wide), np.zeros(wide // 2)
        tournament.fold(pull, best, corr, positive, atoms, len(atoms))
        left = corr.copy() if positive else np.abs(corr)
        left[atoms] = 0
        assert tournament.top(best) == max(left.max(), 0)
        want = [j for j in np.argsort(-left, kind="stable") if left[j] > 1]
        got = [tournament.strongest(pull, best, 1.0) for _ in range(len(want) + 1)]
        assert got == [*want, -1]


@pytest.mark.parametrize("name", ["omp", "ols"])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("norms", [False, True])
def test_uncompiled_pursuits_are_the_portable_ones(positive: bool, norms: bool, name: str):
    """Code for code, of atoms of any norm, to a number of atoms or to a target."""
    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((30, 8)), problems.unit(rng.standard_normal((16, 8)))
    V = V * np.geomspace(1e-2, 1e2, 16)[:, None] if norms else V
    q = least_squares(X, V)
    atoms, batch = Atoms.of(q.gram, 8), RowBatch(q.cov, q.sq, Rows.blank(30))
    for penalty in (Cardinality(6, 0.0, positive), Cardinality(8, 2.0, positive)):
        compiled = all_solvers()[f"batch_{name}"]
        found = compiled.solve_rows(atoms, batch, penalty, Limits(0, 100, False))
        Z = run(portable_solver(name), q, penalty, 0 * q.cov, stop=exhausted, max_iter=100).Z
        np.testing.assert_allclose(found.codes.dense(16), Z, rtol=1e-8, atol=1e-10)
        error = ((X - Z @ V) ** 2).sum(axis=1)
        assert not np.isnan(found.gap).any()
        if penalty.target:
            np.testing.assert_array_equal(found.converged, error <= 2)
            assert found.converged.any()
    one = problems.Coding(np.eye(3), np.eye(3), 0.1, positive)
    for most in (1, 3):
        codes = solved_rows(one, None, most=most).codes
        np.testing.assert_array_equal(codes.dense(3), np.eye(3))
        assert len(codes.values) == 3


def test_uncompiled_rows_are_dense_ones():
    """In compressed form and back, their sums, with weights, and their errors."""
    rng = np.random.default_rng(0)
    X, V, weight = rng.standard_normal((9, 4)), rng.standard_normal((5, 4)), rng.random(9)
    U = np.where(rng.random((9, 5)) < 0.5, rng.integers(1, 3, (9, 5)), 0.0)
    codes, A, B, error = on_host.compressed(U), np.zeros((5, 5)), np.zeros((5, 4)), np.empty(9)
    squares = np.zeros(4)
    np.testing.assert_array_equal(codes.dense(5), U)
    assert len(codes.values) == np.count_nonzero(U)
    rows.add_statistics(*codes, X, weight, A, B, squares)
    np.testing.assert_allclose(squares, weight @ X**2)
    np.testing.assert_allclose(A, np.triu(U.T @ (weight[:, None] * U)))
    np.testing.assert_allclose(B, U.T @ (weight[:, None] * X))
    own, C, squares = np.zeros(5), np.zeros((5, 4)), np.zeros(4)
    rows.add_apart(*codes, X, weight, V, own, C, squares)
    for ours, theirs in zip((own, C, squares), oracles.left_to_each(X, weight, U, V), strict=True):
        np.testing.assert_allclose(ours, theirs)
    rows.squared_errors(*codes, X, V, error)
    np.testing.assert_allclose(error, ((X - U @ V) ** 2).sum(axis=1))


@pytest.mark.parametrize("gap", [[0.0, 0.0, 0.0], [0.1, 3.0, 0.5], [3.0, 0.1, np.inf]])
@pytest.mark.parametrize("unknown", [(), (0,), (2,)])
def test_the_largest_gap(gap: list[float], unknown: tuple[int, ...]):
    """Relative; as it is where x is 0; one that is no number is not passed over."""
    gaps, sq = np.array(gap), np.array([4.0, 0.0, 0.01])
    gaps[list(unknown)] = np.nan
    np.testing.assert_equal(rows.largest(gaps, sq), relative_gap(gaps, sq).max())


def test_one_space_for_each_part():
    """What a row is solved in is four arrays, and no part of them is in another."""
    places = lasso.space(40, 12)
    A, W, listed = getattr(lasso.named, "py_func", lasso.named)(places)
    parts = [*A, *W, *listed]
    for number, part in enumerate(parts):
        part[...] = number
    assert all((part == number).all() for number, part in enumerate(parts))
    assert sum(part.size for part in parts) == sum(place.size for place in places)


def gathered(p: problems.Coding, init=None, *, alpha=None, single=False, max_iter=1000):
    """Return what the solver that forms no Gram makes of a problem."""
    start = Rows.blank(len(p.X)) if init is None else on_host.compressed(init)
    batch = RowBatch(None, (p.X**2).sum(axis=1), start, p.X)
    penalty = L1(p.alpha if alpha is None else alpha, p.positive)
    limits = Limits(1e-9, max_iter, single)
    return all_solvers()["gathered_set"].solve_rows(Atoms.many(p.V), batch, penalty, limits)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_uncompiled_without_a_gram_too(seed: int):
    """Ties, zeros, scales: the optimum from any start, each row in few atoms at a time, and bounds.

    Of alphas far above the rounding of float32, and below it.
    """
    p, rng = problems.coding(seed, most=40), np.random.default_rng(seed)
    half, (n, k) = 0.5 * (p.X**2).sum(axis=1), (len(p.X), len(p.V))
    near = np.where(rng.random((n, k)) < 0.5, np.abs(rng.standard_normal((n, k))), 0)
    for alpha in (p.alpha, 1e-4 * p.alpha):
        for init, single in ((None, False), (near, False), (near, True)):
            found = gathered(p, init, alpha=alpha, single=single)
            U = found.codes.dense(k)
            away = oracles.lasso_gap(p.X, p.V, U, alpha, p.positive)
            tol = 1e-5 if single else 1e-9
            if alpha == p.alpha or not single:  # else rounded codes are further off
                assert (away <= tol * half + 1e-15).all()
            assert single or (found.gap >= away * (1 - 1e-6) - 1e-15 * (1 + half)).all()
            assert single or found.converged.all()
            assert not (p.positive and (U < 0).any())
            pairs = zip(found.codes.ends, found.codes.ends[1:], strict=False)
            assert all((np.diff(found.codes.columns[a:b]) > 0).all() for a, b in pairs)
        again = gathered(p, gathered(p, alpha=alpha).codes.dense(k), alpha=alpha)
        assert again.rounds <= 1
    best = oracles.lasso_objective(p.X, p.V, gathered(p).codes.dense(k), p.alpha)
    for rounds in (0, 1):
        found = gathered(p, near, max_iter=rounds)
        above = oracles.lasso_objective(p.X, p.V, found.codes.dense(k), p.alpha) - best
        assert (found.gap >= above * (1 - 1e-9)).all()
        assert found.rounds <= rounds


@pytest.mark.compiled
def test_none_returns_a_named_tuple():
    """To make one Numba calls Python, and an interrupt that is heard there ends the process."""
    X = np.eye(4)
    for solver in ("omp", "lars"):
        gpudict.encode(X, X, n_nonzero_coefs=1, solver=solver)
    gpudict.learn_online(X, 3, alpha=0.1, batch_size=2)

    def plain(kind: types.Type) -> bool:
        named = isinstance(kind, types.NamedTuple | types.NamedUniTuple)
        return not named and all(map(plain, getattr(kind, "types", ())))

    folder, seen = Path(kernels.__path__[0]), 0
    for file in folder.glob("*.py"):
        module = importlib.import_module(f"{kernels.__name__}.{file.stem}")
        for name, made in vars(module).items():
            for signature in getattr(made, "nopython_signatures", ()):
                if made.__module__ == module.__name__ and not made.targetoptions.get("inline"):
                    assert plain(signature.return_type), f"{file.stem}.{name}"
                    seen += 1
    assert seen > 5


def called(function, found: set) -> set:
    """Return the compiled functions that one calls, itself or by what is inlined."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        *owner, name = ast.unparse(call.func).split(".")
        there = function.__globals__
        there = vars(there[owner[0]]) if owner and owner[0] in there else there
        part = there.get(name)
        if isinstance(part, Dispatcher) and part.targetoptions.get("inline") == "always":
            called(part.py_func, found)
        elif isinstance(part, Dispatcher):
            found.add(part)
    return found


def test_whoever_calls_what_is_compiled_loads_it_first():
    """Or its bits would depend on what the process has called before."""
    composed = 0
    for name in pkgutil.iter_modules(kernels.__path__):
        module = importlib.import_module(f"{kernels.__name__}.{name.name}")
        for whole in vars(module).values():
            if isinstance(whole, Dispatcher) and whole.targetoptions.get("nogil"):
                parts = called(whole.py_func, set())
                assert set(whole._cache.parts) == parts, whole
                composed += bool(parts)
    assert composed >= 4


@pytest.mark.slow
def test_bits_do_not_depend_on_who_was_called_before(tmp_path: Path):
    """Nor on whether what is compiled was kept, or lost in part: in one call, or by several."""
    run = (
        "import sys, numpy as np, gpudict; rng = np.random.default_rng(0); "
        "X, V = rng.standard_normal((9, 30)), rng.standard_normal((40, 30)); "
        "ways = [dict(zip(['tol'], [None] * int(n))) for n in sys.argv[1]]; "
        "print(*[gpudict.encode(X, V, alpha=0.1, **way).Z.tobytes().hex() for way in ways])"
    )
    environment, found = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, []
    for order in ("01", "01", "10", "lost", "01"):
        if order == "lost":
            for file in tmp_path.rglob("lasso.solve*"):
                file.unlink()
            continue
        command = [sys.executable, "-c", run, order]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        found += done.stdout.split()
    assert len(found) == 8
    assert len(set(found)) == 1
