"""The CUDA kernels, run on the CPU: their source, and the PTX that NVRTC makes of it.

Held to the contract of every solver, to the solvers of the host, and to what only they must do:
tiers of places, rows that are given up, few launches. Their lanes are in test_lanes.py.
"""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from benchmarks.standins import nvrtc, warps
from benchmarks.standins.ptx.running import CUPY, TORCH, on_the_ptx
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import Quadratic, exact, least_squares, statistics, to_judge
from gpudict.solvers import places
from gpudict.solvers.base import Place
from gpudict.solvers.cuda import _launch as cuda
from gpudict.solvers.cuda import warp_sphere_mm
from gpudict.solvers.cuda._certificate import certificate
from gpudict.solvers.cuda.warp_active_set import WarpActiveSet
from gpudict.solvers.portable import sphere_mm
from gpudict.solvers.registry import find
from tests.solvers import test_contract as contract
from tests.support import oracles, problems
from tests.support.backends import CASES, BackendCase, host
from tests.support.counting import counted_waits

pytestmark = pytest.mark.skipif(
    warps.COMPILER is None,
    reason="the CUDA kernels run on the CPU through g++ on x86-64, which is not here",
)
LASSO = ("warp_active_set", "warp_working_set")
IN_PLACE = ("numpy-readonly", "torch-cpu", "strict-device1", "strictest-device1")
TIERS = [("lasso", 1), ("lasso", 2)]  # of places: both are launched, whoever needs the second
JUDGED = (("residual", 1), ("bound", 1))  # the kernels of the certificate
CLOSE = {"float32": 1e-5, "float64": 1e-8}  # the tolerances that users get


FORMS = {"source": (), "ptx": pytest.mark.slow, "contracted": pytest.mark.slow}


def pytest_generate_tests(metafunc):
    """Run each test in all forms, but float64 from contracted PTX: its code is that of float32."""
    both = [(f, d) for f in FORMS for d in CLOSE if (f, d) != ("contracted", "float64")]
    if "dtype" in metafunc.fixturenames:
        params = [pytest.param(f, d, marks=FORMS[f]) for f, d in both]
        metafunc.parametrize(("_form", "dtype"), params, indirect=["_form"])
    else:
        params = [pytest.param(f, marks=mark) for f, mark in FORMS.items()]
        metafunc.parametrize("_form", params, indirect=True)


@pytest.fixture(autouse=True)
def _form(request):
    """What is run: the source, its PTX as for CuPy, or PyTorch's with the fma of ptxas."""
    if request.param == "source":
        yield
        return
    if nvrtc.library() is None:
        pytest.skip("NVRTC is not here: python -m pip install nvidia-cuda-nvrtc-cu12")
    contract = request.param == "contracted"
    with on_the_ptx(more=TORCH if contract else CUPY, contract=contract):
        yield


@pytest.fixture(
    params=[case for case in CASES if case.name in IN_PLACE], ids=lambda case: case.name
)
def backend(request):
    """The libraries whose memory is the host's."""
    pytest.importorskip(request.param.requires)
    with request.param.temper(), warps.on_the_cpu():
        yield request.param


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", LASSO)
def test_contract_of_the_lasso(backend: BackendCase, dtype: str, name: str, positive: bool):
    contract.test_lasso(backend, dtype, name, positive)


def test_contract_of_the_pursuit(backend: BackendCase, dtype: str):
    contract.test_pursuits(backend, dtype, "warp_omp", False)


@pytest.mark.parametrize("place", [Place.CUDA, Place.CUDA_MANY])
def test_lasso_as_on_the_host(place: Place, dtype: str):
    """Ties, zeros, dependent atoms, all scales, codes to start from, an alpha a row: certified."""
    rng = np.random.default_rng(0)
    for seed in range(60):
        X, V, alpha, positive = problems.coding(seed, most=48 if seed % 2 else 16)
        X, V = X.astype(dtype), V.astype(dtype)
        shape = (len(X), len(V))
        init = (rng.standard_normal(shape) * (rng.random(shape) < 0.3)).astype(dtype)
        each = (alpha * rng.uniform(0.5, 2, len(X))).astype(dtype)
        options = {
            "alpha": each if seed % 3 == 0 else alpha,
            "init": init if seed % 3 == 1 else None,
            "positive": positive,
        }
        with warps.on_the_cpu(place) as launched:
            found = gpudict.encode(X, V, **options)
        assert launched
        assert found.converged.all(), seed
        assert found.Z.dtype == X.dtype
        weight = each if seed % 3 == 0 else np.full(len(X), alpha)
        for x, u, a in zip(X, found.Z, weight.astype(float), strict=True):
            gap = oracles.lasso_gap(x[None], V, u[None], a, positive)
            assert (gap <= CLOSE[dtype] * 0.5 * (x.astype(float) ** 2).sum() + 1e-15).all(), seed


def crowd(dtype: str):
    """Rows whose codes have about 10, about 45 and more than 64 atoms, of 200 in 90 dimensions."""
    rng = np.random.default_rng(1)
    V = problems.unit(rng.standard_normal((200, 90)))
    X = problems.unit(rng.standard_normal((12, 90)))
    X[0::3] *= 0.25
    X[1::3] *= 0.7
    X[2::3] *= 2.2
    return X.astype(dtype), V.astype(dtype)


def test_tiers(dtype: str):
    """Rows that outgrow 32 places go on with 64, and then to the portable solver."""
    X, V = crowd(dtype)
    with warps.on_the_cpu(Place.CUDA) as launched:
        found = gpudict.encode(X, V, alpha=0.05, tol=CLOSE[dtype])
    size = (found.Z != 0).sum(axis=1)
    assert size[0::3].max() <= 32 < size[1::3].min()
    assert size[1::3].max() <= 64 < size[2::3].min()
    assert found.converged.all()
    assert launched[:2] == TIERS
    with warps.on_the_cpu(Place.CUDA_MANY):
        again = gpudict.encode(X, V, alpha=0.05, tol=CLOSE[dtype])
    assert again.converged.all()
    np.testing.assert_allclose(again.Z, found.Z, atol=2e-2 if dtype == "float32" else 1e-3)


def test_two_waits():
    """For what X and V are, and for how many rows fall short: no launch is waited for."""
    import array_api_strict as xp

    X, V = crowd("float64")
    dX, dV = (xp.asarray(a, device=xp.Device("device1")) for a in (X[:2], V))
    with warps.on_the_cpu(Place.CUDA) as launched, counted_waits() as waits:
        found = gpudict.encode(dX, dV, alpha=0.05)
    assert host(found.converged).all()
    assert launched == [*TIERS, ("residual", 2), ("bound", 1)]
    assert len(waits) == 2, waits


def test_that_all_codes_are_zero_is_told_by_the_certificate(dtype: str):
    """So that it costs no wait to see that they are not."""
    X, V = (a.astype(dtype) for a in problems.signal())
    top = gpudict.alpha_max(X, V)
    with warps.on_the_cpu(Place.CUDA):
        some = gpudict.encode(X, V, alpha=0.9 * gpudict.alpha_max(X[:1], V))  # nor is the first
        assert not some.ended[0].zeros
        with pytest.warns(UserWarning, match=f"every code zero.* from {top:.3g} on"):
            gpudict.encode(X, V, alpha=1.01 * top)


@pytest.mark.parametrize("limits", [{"n_nonzero_coefs": 7}, {"target_error": 0.2}])
def test_pursuit_as_on_the_host(dtype: str, limits: dict):
    """The atoms of the host's pursuit."""
    X, V = problems.signal(n=50, d=40, k=60, seed=3)
    X, V = problems.unit(X).astype(dtype), V.astype(dtype)
    with warps.on_the_cpu(Place.CUDA) as launched:
        found = gpudict.encode(X, V, **limits)
    assert launched == [("pursuit", 1 if "n_nonzero_coefs" in limits else 2)]
    wide = gpudict.encode(X.astype(float), V.astype(float), **limits)
    assert found.converged.all()
    assert np.isinf(found.gap).all()
    np.testing.assert_allclose(found.Z, wide.Z, atol=1e-8 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("limits", [{"n_nonzero_coefs": 40}, {"target_error": 0.2}])
def test_as_many_atoms_as_rounds(dtype: str, limits: dict):
    """The pursuits of the host, of the kernel and of any array: what `max_iter` leaves undone."""
    X, V = problems.signal(n=50, d=40, k=60, seed=3)
    X, V = problems.unit(X).astype(dtype), V.astype(dtype)
    for max_iter in (0, 1, 4, 12, 40):
        with warps.on_the_cpu(Place.CUDA) as launched:
            found = gpudict.encode(X, V, max_iter=max_iter, **limits)
        assert launched == [("pursuit", 1 + (max_iter > 32))][:max_iter]
        assert np.count_nonzero(found.Z, axis=1).max() <= max_iter
        assert found.n_iter == max_iter or found.converged.all()
        for name in ("omp", "cd"):  # on the host compiled, where that is wanted
            other = gpudict.encode(X, V, solver=name, max_iter=max_iter, **limits)
            np.testing.assert_array_equal(found.converged, other.converged)
            np.testing.assert_allclose(found.Z, other.Z, atol=1e-8 if dtype == "float64" else 1e-3)
    assert found.converged.all()


def test_as_many_rounds_as_are_asked_for(dtype: str):
    """A row that has made them all stays as it is; one with too many atoms goes on elsewhere."""
    X, V = crowd(dtype)
    converged = []
    for max_iter in (0, 1, 2, 5, 30, 99):
        with warps.on_the_cpu(Place.CUDA) as launched:
            found = gpudict.encode(X, V, alpha=0.3, max_iter=max_iter)
        assert launched[:-2] == (TIERS if max_iter else [])
        assert found.n_iter == max_iter or found.converged.all()
        gap = oracles.lasso_gap(X, V, found.Z, 0.3, False)
        wanted = gap <= CLOSE[dtype] * 0.5 * (X.astype(float) ** 2).sum(axis=1)
        np.testing.assert_array_equal(found.converged, wanted)
        converged.append(int(found.converged.sum()))
    assert 0 < converged[1] < converged[3] < converged[4] == len(X)
    with warps.on_the_cpu(Place.CUDA):
        crowded = gpudict.encode(X, V, alpha=0.05, max_iter=90, tol=CLOSE[dtype])
    assert np.count_nonzero(crowded.Z, axis=1).max() > 64
    assert crowded.converged.all()


def test_pursuits_that_are_given_up(dtype: str):
    """The portable pursuit codes rows with a target near rounding, or that must not be negative."""
    X, V = problems.signal(n=20, d=12, k=20, seed=3)
    X, V = problems.unit(X).astype(dtype), V.astype(dtype)
    target = {"float32": 5e-4, "float64": 1e-12}[dtype]
    for limits in ({"target_error": target}, {"n_nonzero_coefs": 7, "positive": True}):
        with warps.on_the_cpu(Place.CUDA) as launched:
            found = gpudict.encode(X, V, **limits)
        assert len(launched) == ("target_error" in limits)
        plain = gpudict.encode(X, V, solver="omp", **limits)
        assert np.isinf(found.gap).all()
        np.testing.assert_array_equal(found.converged, plain.converged)
        np.testing.assert_allclose(found.Z, plain.Z, atol=1e-3)
        assert (found.Z != 0).any(axis=1).all()


@pytest.mark.parametrize("place", [Place.CUDA, Place.CUDA_MANY])
def test_bad_starts_do_no_harm(place: Place, dtype: str):
    """Codes of any size to start from, over equal and opposite atoms: solved as from zeros."""
    rng = np.random.default_rng(0)
    for seed in range(40):
        V = problems.unit(rng.standard_normal((6, 3)))
        V = np.concatenate([V, V[:3], -V[:3]])[rng.permutation(12)].astype(dtype)
        X = rng.standard_normal((4, 3)).astype(dtype)
        init = rng.standard_normal((4, 12)).astype(dtype)
        init *= [1, 1, 1e6, 1e37 if dtype == "float32" else 1e200][seed % 4]
        with warps.on_the_cpu(place), np.errstate(all="ignore"):
            found = gpudict.encode(X, V, alpha=0.05, init=init)
        assert found.converged.all(), seed
        assert found.n_iter < 60, seed


def test_hard_rows_with_64_places(dtype: str, monkeypatch):
    """Equal, opposite and nearly dependent atoms, whose codes take more than half of the places."""
    monkeypatch.setattr(WarpActiveSet, "slots", (2,))
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((75, 50)))
    V[3], V[5], V[9], V[11] = V[2], -V[2], V[8] + 1e-3 * V[7], V[10] + 1e-2 * V[7]
    X = problems.unit(rng.standard_normal((12, 50)))
    init = rng.standard_normal((12, 75)) * (rng.random((12, 75)) < 0.6)
    init *= np.array([0, 1, 1e6])[np.arange(12) % 3, None]
    X, V, init = (a.astype(dtype) for a in (X, V, init))
    with warps.on_the_cpu(Place.CUDA) as launched:
        found = gpudict.encode(X, V, alpha=0.01, init=init, tol=CLOSE[dtype])
    assert launched == [("lasso", 2), *JUDGED]
    assert found.converged.all()
    assert ((found.Z != 0).sum(axis=1) > 32).all()
    gap = oracles.lasso_gap(X, V, found.Z, 0.01, False)
    assert (gap <= CLOSE[dtype] * 0.5).all()


@pytest.mark.parametrize("positive", [False, True])
def test_certificate_of_any_codes(dtype: str, positive: bool):
    """Above what is true, and off the penalty's own by no more than the product's rounding."""
    kind, rng = np.finfo(dtype), np.random.default_rng(0)
    for seed, (d, k) in enumerate([(1, 1), (5, 40), (33, 7), (300, 70), (64, 256)]):
        X, V = rng.standard_normal((9, d)), rng.standard_normal((k, d))
        X[3], V[k // 2] = 0, 0
        codes = rng.standard_normal((9, k)) * (rng.random((9, k)) < [0.05, 1][seed % 2])
        codes = np.abs(codes) if positive else codes
        X, V, codes = (np.ascontiguousarray(a, dtype) for a in (X, V, codes))
        solved = gpudict.encode(X, V, alpha=0.5, positive=positive).Z
        penalty = L1(rng.uniform(0.4, 0.6, 9), positive)
        q = Quadratic(X @ V.T, (X**2).sum(1), None, (X, V))
        for Z in (codes, solved, np.zeros_like(codes)):
            with warps.on_the_cpu():
                gap, sq = certificate(q, penalty, Z)
            wide = to_judge(q, np.float64)
            own = penalty.certificate(wide, Z.astype(float))
            value, rr = penalty.value(Z.astype(float)), exact(wide, Z.astype(float))[2]
            turned = 2 * (4 + d**0.5) * kind.eps * np.sqrt(rr * (wide.factors[1] ** 2).sum(1).max())
            room = 2 * turned / penalty.alpha * (value + np.sqrt(own * rr) + turned * rr)
            assert (abs(gap - own) <= room + 1e-15).all()
            np.testing.assert_allclose(sq, wide.sq, rtol=1e-12)
            wide_X, wide_V = wide.factors
            best = gpudict.encode(wide_X, wide_V, alpha=penalty.alpha, positive=positive).Z
            far, least = (
                0.5 * ((wide_X - u @ wide_V) ** 2).sum(1) + penalty.value(u)
                for u in (Z.astype(float), best)
            )
            assert (far - least <= gap + 1e-12 * far).all()


def test_certificate_of_what_is_no_number(dtype: str):
    """NaN, infinity, and an overflow of V r in one row: none of them is a gap, and others stay."""
    X, V = (a.astype(dtype) for a in problems.signal(n=6, d=12, k=16, seed=4))
    V[5] *= np.finfo(dtype).max ** 0.5
    X[4] *= np.finfo(dtype).max ** 0.25
    X[4, :2] = [np.finfo(dtype).max / 4, -np.finfo(dtype).max / 4]
    Z = np.zeros((6, 16), dtype)
    Z[1, 3], Z[2, 7] = np.nan, np.inf
    q = Quadratic(Z, np.ones(6, dtype), None, (X, V))
    with warps.on_the_cpu(), np.errstate(all="ignore"):
        gap, _ = certificate(q, L1(0.1), Z)
    assert not (gap[[1, 2]] <= 1e300).any()
    assert not gap[4] <= float(np.finfo(dtype).max) / 16
    assert np.isfinite(gap[[0, 3, 5]]).all()


def test_rows_that_fall_short_are_finished(dtype: str):
    """What the kernels' certificate finds too far is judged anew, and solved in float64."""
    X, V = crowd(dtype)
    tol = 1e-7 if dtype == "float32" else 1e-13
    with warps.on_the_cpu(Place.CUDA) as launched:
        found = gpudict.encode(X, V, alpha=0.05, tol=tol)
    assert ("bound", 1) in launched
    assert found.converged.all()
    alone = gpudict.encode(X, V, alpha=0.05, tol=tol, solver="working_set")
    assert (found.gap <= 0.5 * tol * (X.astype(float) ** 2).sum(1)).all()
    np.testing.assert_allclose(found.Z, alone.Z, atol=1e-4)


@pytest.mark.parametrize("positive", [False, True])
def test_bound_is_its_formula(dtype: str, positive: bool):
    """With doubts so large that each of them counts, and NaN where a product has one."""
    rng, (n, k) = np.random.default_rng(0), (12, 45)
    corr, norms = rng.standard_normal((n, k)).astype(dtype), rng.random(k).astype(dtype)
    sums, alphas = rng.uniform(0.1, 2, (n, 5)), rng.uniform(0.1, 1, n)
    corr[3, 7], alphas[5], gap = np.nan, 50, np.zeros(n)
    tight, loose, lost = 0.03, 0.05, 0.07
    numbers = (*cuda.ints(n, k, positive), *map(np.float64, (tight, loose, lost)))
    with warps.on_the_cpu():
        cuda.launch("bound", corr, (corr, sums, norms, alphas, gap, *numbers))
    sq, rr, inner, mass, size = sums.T
    noise = tight * (np.sqrt(sq) + mass)
    pull = corr.astype(float) if positive else abs(corr.astype(float))
    pull = pull + (noise + loose * np.sqrt(rr) + lost)[:, None] * norms
    scale = np.minimum(1, alphas / pull.max(axis=1))
    rr = rr + 2 * noise * (np.sqrt(sq) + mass)
    slack = np.maximum(alphas * size - scale * inner, 0)
    scaled = 0.5 * (1 - scale) ** 2 * rr + slack + noise * mass
    expected = np.minimum(scaled, 0.5 * rr + alphas * size)
    np.testing.assert_allclose(
        gap, np.where(np.arange(n) == 3, np.nan, expected), rtol=4 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("positive", [False, True])
def test_update_as_the_portable_one(dtype: str, positive: bool):
    """Each step, with atoms that no code uses, and such as come to nothing."""
    rng = np.random.default_rng(0)
    for d, k in [(1, 1), (6, 5), (70, 40), (33, 100)]:
        V = problems.unit(rng.standard_normal((k, d)))
        U = rng.standard_normal((30, k)) * (rng.random((30, k)) < 0.5)
        X = rng.standard_normal((30, d))
        U[:, k // 2] = 0
        U[:, k // 3] *= np.finfo(dtype).eps / 100  # beside the others as good as none
        if positive:
            X, V, U = -np.abs(X), np.abs(V), np.abs(U)
        X, V, U = (np.ascontiguousarray(a, dtype) for a in (X, V, U))
        q, penalty = statistics(X, U), UnitSphere(positive)
        one, two = warp_sphere_mm.SOLVER, sphere_mm.SOLVER
        with warps.on_the_cpu():
            ours, theirs = one.init(q, penalty, V.T), two.init(q, penalty, V.T)
            for _ in range(4):
                ours, theirs = one.step(q, penalty, ours), two.step(q, penalty, theirs)
        np.testing.assert_allclose(ours.Z, theirs.Z, atol=2e2 * np.finfo(dtype).eps)
        np.testing.assert_allclose((ours.Z.astype(float) ** 2).sum(0), 1, atol=1e-6)
        assert ours.Z.dtype == dtype


def test_each_with_its_own_gram(dtype: str):
    """A Gram a row is the shared one when all are equal, and NaN stays in its row."""
    X, V = (a.astype(dtype) for a in problems.signal(n=6, d=12, k=16, seed=4))
    q = least_squares(X, V)
    lost = q.cov.copy()
    lost[2] = np.nan
    own = Quadratic(lost, q.sq, np.repeat(q.gram[None], 6, axis=0))
    zero = np.zeros_like(q.cov)
    with warps.on_the_cpu():
        Z, gap, status = cuda.lasso(q, L1(0.1), zero, slots=(1,), rounds=50)
        again = cuda.lasso(own, L1(0.1), zero, slots=(2,), rounds=50)
    rest = np.arange(6) != 2
    assert (status == cuda.SOLVED).all()
    np.testing.assert_allclose(again[0][rest], Z[rest], rtol=1e-5)
    np.testing.assert_allclose(again[1][rest], gap[rest], atol=1e-5)
    assert not again[0][2].any()


@pytest.mark.compiled
def test_on_a_device_that_counts(simulated, dtype: str):
    """Where kernels run, an encode launches a few dozen operations and waits once a tier."""
    from benchmarks.standins.simulated import raw, to_device

    X, V = (a.astype(dtype) for a in problems.signal(n=300, d=24, k=48))
    ours = [to_device(a) for a in (X, V)]
    with simulated() as counts, warps.on_the_cpu(Place.CUDA) as launched:
        found = gpudict.encode(*ours, alpha=0.15)
        chased = gpudict.encode(*ours, n_nonzero_coefs=5)
    assert launched == [*TIERS, *JUDGED, ("pursuit", 1)]
    assert found.Z.device.type == "cuda"
    assert raw(found.converged).all()
    assert counts.waits == 2 + 2, counts.waiting()  # X and V, and what is left for others
    assert counts.to_device == []
    assert all(op.outs[0].nbytes() <= 64 for op in counts.log if op.crossed == "to host")
    assert counts.launches <= 70
    wide = gpudict.encode(X.astype(float), V.astype(float), n_nonzero_coefs=5)
    np.testing.assert_allclose(raw(chased.Z).numpy(), wide.Z, atol=1e-4)


def test_learning_on_a_device_that_counts(simulated):
    """The dictionary is that of the portable solver; data stay where they are."""
    from benchmarks.standins.simulated import raw, to_device

    X, V = problems.signal(n=200, d=24, k=48)
    options = {"alpha": 0.15, "max_iter": 3, "code_tol": 1e-12, "dictionary_update": "mm"}
    other = gpudict.learn(X, 32, solver="working_set", dict_init=V[:32], **options)
    with simulated() as counts, warps.on_the_cpu(Place.CUDA) as launched:
        found = gpudict.learn(to_device(X), 32, dict_init=to_device(V[:32]), **options)
    assert launched == 3 * [*TIERS, *JUDGED, *19 * [("sphere", 1)]]
    np.testing.assert_allclose(raw(found.dictionary).numpy(), other.dictionary, atol=1e-9)
    assert all(op.outs[0].nbytes() <= 64 for op in counts.log if op.crossed == "to host")


@pytest.mark.compiled
@pytest.mark.parametrize(("k", "solver"), [(40, "warp_active_set"), (41, "warp_working_set")])
def test_the_solver_that_is_chosen(simulated, monkeypatch, k: int, solver: str):
    """Up to a number of atoms their Gram is kept and one kernel does all, beyond it a part."""
    from benchmarks.standins.simulated import raw, to_device

    monkeypatch.setattr(places, "WARP_GRAM_LIMIT", 40)
    X, V = problems.signal(n=60, d=20, k=k)
    ours = [to_device(a) for a in (X, V)]
    with simulated(), warps.on_the_cpu():
        assert find("cd", L1(0.1), ours[1], k).name == solver
        found = gpudict.encode(*ours, alpha=0.1)
    gap = oracles.lasso_gap(X, V, raw(found.Z).numpy(), 0.1, False)
    assert (gap <= 1e-8 * 0.5 * (X**2).sum(axis=1)).all()
    other = {"warp_active_set": "warp_working_set"}.get(solver, "warp_active_set")
    with (
        simulated(),
        warps.on_the_cpu(),
        pytest.raises(ValueError, match="Pass one of the solvers 'cd', "),
    ):
        gpudict.encode(*ours, alpha=0.1, solver=other)
