"""Wide data: learned from in the space of their rows, as if they had been narrow."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.learning import row_space
from gpudict.learning.samples import Samples
from gpudict.learning.updates import recipe_for
from tests.support import problems
from tests.support.backends import BackendCase, host

OPTIONS = {"alpha": 0.1, "max_iter": 6, "tol": 0, "code_tol": 1e-12, "random_state": 0}


def embedded(d: int, seed: int = 0) -> np.ndarray:
    """Return orthonormal rows (d, 10 d): a space of d dimensions in one of ten times as many."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((10 * d, d)))[0].T


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("start", ["svd", "atoms"])
def test_wide_data_are_learned_from_as_narrow_ones(start: str, weighted: bool):
    """‖(X − U V) E‖ = ‖X − U V‖ for orthonormal rows E: the same codes, and the atoms V E."""
    X, V0 = problems.signal(n=24, d=12, k=6)
    E, seen = embedded(12), []
    weight = np.linspace(0.5, 2, 24) if weighted else None
    narrow, wide = (
        gpudict.learn(
            X @ to, 6, dict_init="svd" if start == "svd" else V0 @ to, sample_weight=weight,
            dictionary_update="sweep", callback=lambda now: seen.append(now.dictionary), **OPTIONS,
        )
        for to in (np.eye(12), E)
    )  # fmt: skip
    np.testing.assert_allclose(wide.objective, narrow.objective, rtol=1e-10)
    np.testing.assert_allclose(wide.code, narrow.code, atol=1e-8)
    np.testing.assert_allclose(wide.dictionary, narrow.dictionary @ E, atol=1e-8)
    np.testing.assert_allclose(seen[6:], np.asarray(seen[:6]) @ E, atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(wide.dictionary, axis=1), 1, atol=1e-12)


def test_every_backend_learns_the_same_from_wide_data(backend: BackendCase, dtype: str):
    """Two of eight atoms in six dimensions are samples with noise, whose directions are Q's."""
    X = np.random.default_rng(1).standard_normal((6, 40))
    options = OPTIONS | {"max_iter": 2, "dictionary_update": "sweep", "alpha": 1.0}
    if dtype == "float32":
        del options["code_tol"]
    reference = gpudict.learn(X, 8, **options)
    learned = gpudict.learn(backend.asarray(X.astype(dtype)), 8, **options)
    close = {"float32": 2e-3, "float64": 1e-8}[dtype]
    for ours, theirs in zip(learned[:3], reference[:3], strict=True):
        assert str(ours.dtype).endswith(dtype)
        np.testing.assert_allclose(host(ours), theirs, atol=close)


def recipe(X: np.ndarray, k: int, **options):
    return recipe_for(X, k, alpha=0.1, **options)


@pytest.mark.parametrize("positive", [False, True])
def test_the_space_is_that_of_rows_and_atoms_unless_atoms_are_clipped(positive: bool):
    rng = np.random.default_rng(0)
    X, V0 = rng.standard_normal((5, 40)), rng.standard_normal((3, 40))
    X[3] = X[2]
    learn = recipe(X, 3, positive_dict=positive)
    samples, first, space = row_space.narrowed(Samples.of(X), V0, learn)
    if positive:
        assert samples.X is X
        assert space.basis is None
        return
    assert samples.X.shape == (5, 8)
    np.testing.assert_allclose(samples.X @ space.basis, X, atol=1e-13)
    np.testing.assert_allclose(space.lifted(first), V0, atol=1e-13)
    np.testing.assert_allclose(space.basis @ space.basis.T, np.eye(8), atol=1e-13)


@pytest.mark.parametrize(
    ("shape", "k", "start", "narrow"),
    [
        ((5, 10), 2, "svd", True),
        ((5, 9), 2, "svd", False),  # not wide
        ((50, 100), 2, "svd", True),  # of whose work the basis is the first half
        ((50, 100), 2, "data", False),  # where it costs more than it spares
        ((16, 100), 2, "data", True),
    ],
)
def test_only_where_it_pays(shape: tuple[int, int], k: int, start: str, narrow: bool):
    X = np.random.default_rng(0).standard_normal(shape)
    _, first, space = row_space.narrowed(Samples.of(X), start, recipe(X, k))
    assert first == start
    assert (space.basis is not None) is narrow
