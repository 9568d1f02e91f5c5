"""Many problems at once: what each alone is, whichever way they are solved."""

from __future__ import annotations

import array_api_strict as strict
import numpy as np
import pytest

import gpudict
from gpudict.arrays.door import to_host
from gpudict.learning import small
from tests.support.backends import BackendCase

B, N, D, K = 6, 60, 5, 3
NEAR = {"float64": 1e-10, "float32": 2e-4}


def problems(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Return data of several problems, one of them with rows that are zero, and their atoms."""
    rng = np.random.default_rng(0)
    V = np.abs(rng.standard_normal((B, K, D)))
    V /= np.linalg.norm(V, axis=2, keepdims=True)
    U = rng.gamma(1, 1, (B, N, K)) * (rng.random((B, N, K)) < 0.5)
    X = U @ V + 0.05 * rng.standard_normal((B, N, D))
    X[2, :7] = 0
    return X.astype(dtype), V.astype(dtype)


def far(found, want) -> float:
    """Return by how much arrays differ, one of them of several."""
    want = np.stack([to_host(one) for one in want])
    differ = to_host(found) != want  # where both are infinite, they don't
    return float(np.max(np.abs(to_host(found)[differ] - want[differ]), initial=0))


OWN = {
    "data": {"dict_init": "data", "random_state": 3},
    "seeds": {"dict_init": "data", "random_state": list(range(B))},
    "svd": {},
    "alphas": {"alpha": np.linspace(0.05, 0.3, B), "positive_code": True, "positive_dict": True},
    "given": {"dict_init": problems()[1][:, :2], "random_state": 0},  # one atom is drawn
    "weights": {"sample_weight": np.random.default_rng(1).random((B, N)), "max_iter": 5},
    "pursuit": {"alpha": None, "n_nonzero_coefs": 2, "max_iter": 4},
}
EACH = ("alpha", "dict_init", "sample_weight")


@pytest.mark.parametrize("case", OWN)
def test_a_problem_is_learned_as_if_it_were_alone(case: str) -> None:
    X, _ = problems()
    asked = {"alpha": 0.1, **OWN[case]}
    found = gpudict.learn(X, K, **asked)

    def one(i: int):
        own = {n: v[i] for n, v in asked.items() if n in EACH and np.ndim(v)}
        own |= {"random_state": asked["random_state"][i]} if case == "seeds" else {}
        return gpudict.learn(X[i], K, **{**asked, **own})

    want = [one(i) for i in range(B)]
    for name in ("dictionary", "code", "gap"):
        assert far(getattr(found, name), [getattr(w, name) for w in want]) < 1e-10
    assert found.n_iter.tolist() == [w.n_iter for w in want]
    assert found.converged.tolist() == [w.converged for w in want]
    for row, w in zip(found.objective, want, strict=True):
        np.testing.assert_allclose(row[: w.n_iter], w.objective, rtol=1e-12)
        assert np.isnan(row[w.n_iter :]).all()


def test_on_each_backend(backend: BackendCase) -> None:
    X, V = problems()
    given, atoms = backend.asarray(X), backend.asarray(V)
    found = gpudict.learn(given, K, alpha=0.1, max_iter=4, dict_init=atoms)
    want = [
        gpudict.learn(x, K, alpha=0.1, max_iter=4, dict_init=v) for x, v in zip(X, V, strict=True)
    ]
    assert type(found.dictionary) is type(given)
    assert far(found.dictionary, [w.dictionary for w in want]) < 1e-8
    codes = gpudict.encode(given, atoms, alpha=0.1)
    assert type(codes.Z) is type(given)
    assert to_host(codes.converged).all()
    assert (
        far(codes.Z, [gpudict.encode(x, v, alpha=0.1).Z for x, v in zip(X, V, strict=True)]) < 1e-3
    )


@pytest.mark.parametrize("dtype", NEAR)
@pytest.mark.parametrize("positive", [False, True])
def test_codes_over_atoms_of_their_own(dtype: str, positive: bool) -> None:
    X, V = problems(dtype)
    asked = {"positive": positive}
    of_all = gpudict.encode(X, V, alpha=0.1, **asked)
    each = [gpudict.encode(x, v, alpha=0.1, **asked) for x, v in zip(X, V, strict=True)]
    assert far(of_all.Z, [one.Z for one in each]) < NEAR[dtype]
    assert of_all.converged.all()
    assert of_all.Z.dtype == X.dtype
    assert of_all.gap.dtype == np.float64
    alpha = np.linspace(0.05, 0.3, B)
    rows = gpudict.encode(X[:, 0], V, alpha=alpha, **asked)
    one = [
        gpudict.encode(x[:1], v, alpha=a, **asked).Z[0] for x, v, a in zip(X, V, alpha, strict=True)
    ]
    assert rows.Z.shape == (B, K)
    assert far(rows.Z, one) < NEAR[dtype]
    warm = gpudict.encode(X, V, alpha=0.1, init=of_all.Z, **asked)  # one after the other
    assert far(warm.Z, of_all.Z) < NEAR[dtype]
    aimed = gpudict.encode(X[:2], V[:2], target_nonzeros=1.5, **asked)
    each = [gpudict.encode(X[i], V[i], target_nonzeros=1.5, **asked).alpha for i in range(2)]
    assert aimed.alpha.tolist() == each


@pytest.mark.compiled
def test_codes_that_fall_short_are_solved_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpudict.solvers.host.kernels import problems as kernel

    X, V = problems()
    want = gpudict.encode(X, V, alpha=0.1)
    solved = kernel.encode

    def spoiled(*given) -> None:
        solved(*given)
        given[-2][0], given[-1][0] = 0, np.inf

    monkeypatch.setattr(kernel, "encode", spoiled)
    found = gpudict.encode(X, V, alpha=0.1)
    assert found.converged.all()
    assert far(found.Z, want.Z) < 1e-10
    assert far(found.gap, want.gap) < 1e-10


def test_wide_problems_start_as_each_does() -> None:
    """Where an atom is drawn, the noise on it is in the space of the rows."""
    rng = np.random.default_rng(0)
    X, first = rng.standard_normal((3, 4, 20)), rng.standard_normal((1, 20))
    for start in ("data", first):
        options = {"alpha": 0.1, "dict_init": start, "random_state": 0, "max_iter": 3}
        found = gpudict.learn(X, 2, **options)
        want = [gpudict.learn(x, 2, **options).dictionary for x in X]
        assert far(found.dictionary, want) < 1e-10


@pytest.mark.compiled
def test_a_problem_that_is_odd_is_learned_alone() -> None:
    X, _ = problems()
    X[3] = 0  # no atom has a use
    options = {"alpha": 0.1, "dict_init": "data", "random_state": 0, "max_iter": 6}
    left = small.learned(X, [_all(options)] * B)
    assert left is not None
    assert [one is None for one in left].index(True) == 3
    found = gpudict.learn(X, K, **options)
    want = [gpudict.learn(x, K, **options).dictionary for x in X]
    assert far(found.dictionary, want) < 1e-10


def _all(options: dict) -> dict:
    import inspect

    defaults = inspect.signature(gpudict.learn).parameters.values()
    return {p.name: p.default for p in list(defaults)[1:]} | {"n_components": K} | options


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda X, V: gpudict.learn(X, K, alpha=0.1, checkpoint="c"), "checkpoint came with X"),
        (lambda X, V: gpudict.learn(X, K, alpha=[0.1, 0.2]), "alpha has 2 entries"),
        (lambda X, V: gpudict.encode(X, V, alpha=0.1, sparse_output=True), "sparse_output came"),
        (lambda X, V: gpudict.encode(X[0], V, alpha=0.1), "needs X \\(b, n, d\\)"),
        (lambda X, V: gpudict.encode(X, V, alpha=[0.1, 0.2]), "alpha has the shape"),
        (lambda X, V: gpudict.encode(X * np.nan, V, alpha=0.1), "NaN"),
        (
            lambda X, V: gpudict.encode(X, V, alpha=0.1, init=X[0, :, :K]),
            "\\(6, 60, 3\\) is needed",
        ),
        (lambda X, V: gpudict.encode(X.tolist(), V, alpha=0.1), "X must be an array"),
        (lambda X, V: gpudict.encode(gpudict.stream(X[0]), V, alpha=0.1), "X is a stream"),
        (lambda X, V: gpudict.encode(strict.asarray(X), V, alpha=0.1), "X is one of"),
    ],
)
def test_refusals(call, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        call(*problems())
