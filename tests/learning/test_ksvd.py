"""K-SVD: atoms with their codes, by the loop of its paper, and where they can not be turned."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.learning.statistics import Statistics
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.registry import portable_solver
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host

PURSUIT = {"n_nonzero_coefs": 3, "solver": "omp", "dictionary_update": "ksvd", "random_state": 0}


def start(positive=False):
    """Return data, atoms, and codes of which those of an atom are all zero."""
    rng = np.random.default_rng(0)
    X, V = problems.signal(n=40, d=8, k=6)
    U = rng.standard_normal((40, 6)) * (rng.random((40, 6)) < 0.4)
    U[:, 2] = 0
    return (np.abs(X), np.abs(V), np.abs(U)) if positive else (X, V, U)


@pytest.mark.parametrize("positive", [False, True])
def test_a_sweep(backend: BackendCase, dtype: str, positive: bool):
    """It is the paper's; the error falls, and no row has more atoms than it had."""
    X, V, U = (a.astype(dtype) for a in start(positive))
    dX, dV, dU = (backend.asarray(a) for a in (X, V, U))
    solver, penalty = portable_solver("sphere_ksvd"), UnitSphere(positive)
    q = Quadratic(dU, dU, None, (dX.T, dU.T))
    state = solver.step(q, penalty, solver.init(q, penalty, dV.T)._replace(positive=positive))
    W, Z = host(state.Z).T, host(state.U)
    wide = [a.astype(float) for a in (X, V, U)]
    best, codes = oracles.ksvd(*wide, positive, positive)
    near = {"float32": 1e-4, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(W, best, atol=near)
    np.testing.assert_allclose(Z, codes, atol=near)
    assert (W[2] == V[2]).all()
    assert not Z[U == 0].any()
    assert ((X - Z @ W) ** 2).sum() < ((X - U @ V) ** 2).sum()
    np.testing.assert_array_equal(host(dU), U)
    assert state.Z.dtype == dX.dtype


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positive", [False, True])
def test_learning(backend: BackendCase, positive: bool, weighted: bool):
    """An iteration is a pursuit and a sweep, where codes are compressed and where they are not."""
    X, V, _ = start(positive)
    w = np.r_[0.0, 2.0, np.ones(38)] if weighted else np.ones(40)
    signs = {"positive_code": positive, "positive_dict": positive}
    learned = gpudict.learn(
        backend.asarray(X), 6, dict_init=backend.asarray(V), max_iter=1,
        sample_weight=w if weighted else None, **signs, **PURSUIT,
    )  # fmt: skip
    U = gpudict.encode(X, V, n_nonzero_coefs=3, solver="omp", positive=positive).Z
    root = np.sqrt(w)[:, None]
    best, codes = oracles.ksvd(root * X, V, root * U, positive, positive)
    np.testing.assert_allclose(host(learned.dictionary), best, atol=1e-10)
    codes = np.where(root > 0, codes / np.where(root > 0, root, 1), U)
    np.testing.assert_allclose(host(learned.code), codes, atol=1e-10)
    cost = 0.5 * (w * ((X - codes @ best) ** 2).sum(axis=1)).sum()
    np.testing.assert_allclose(float(host(learned.objective)[0]), cost, rtol=1e-10)


@pytest.mark.parametrize("pair", ["strict"], indirect=True)
def test_where_it_can_not_be(pair):
    X, V, _ = start()
    for call, said in (
        (lambda: gpudict.learn(X, 6, alpha=0.1, dictionary_update="ksvd"), "for pursuits"),
        (lambda: gpudict.learn_online(X, 6, **PURSUIT), "there are sums"),
        (lambda: gpudict.learn(gpudict.stream(X), 6, **PURSUIT), "elsewhere"),
        (lambda: gpudict.learn(pair.put(X), 6, devices="all", **PURSUIT), "devices came"),
        (lambda: Statistics.of(X, V, alpha=1).update(V, dictionary_update="ksvd"), "have none"),
    ):
        with pytest.raises(ValueError, match=said):
            call()


@pytest.mark.parametrize("kind", ["DictionaryLearning", "MiniBatchDictionaryLearning"])
def test_the_atoms_of_a_row_in_fit(kind: str):
    """As many as are asked for, where d // 10 was all there was; a saved model knows it."""
    X, _ = problems.signal(n=60, d=12, k=8)
    options = {"fit_algorithm": "omp", "random_state": 0, "max_iter": 5}
    one, three = (
        getattr(gpudict, kind)(8, fit_n_nonzero_coefs=most, **options).fit(X) for most in (None, 3)
    )
    learned = [
        (gpudict.encode(X, m.components_, n_nonzero_coefs=3, solver="omp").Z, m)
        for m in (one, three)
    ]
    errors = [((X - Z @ m.components_) ** 2).sum() for Z, m in learned]
    assert errors[1] < errors[0]
    if kind == "DictionaryLearning":
        assert (np.count_nonzero(three.fit_transform(X), axis=1) == 3).all()
    with pytest.raises(TypeError, match="fit_n_nonzero_coefs must be"):
        getattr(gpudict, kind)(8, fit_n_nonzero_coefs=1.5, **options).fit(X)
