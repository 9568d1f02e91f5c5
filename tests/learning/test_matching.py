"""`match_atoms` finds order and signs again, and the best of all matchings."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import gpudict
from tests.support import problems
from tests.support.backends import BackendCase, host


def test_order_and_signs_are_found_again(backend: BackendCase, dtype: str):
    """Atoms that were mixed, turned and scaled, among others that belong to none."""
    rng = np.random.default_rng(0)
    _, reference = problems.signal(n=1, d=8, k=6)
    order, signs, scale = rng.permutation(6), rng.choice([-1, 1], 6), rng.uniform(0.5, 2, 6)
    V = np.concatenate([rng.standard_normal((2, 8)), (reference * (signs * scale)[:, None])[order]])
    V, reference = V.astype(dtype), reference.astype(dtype)
    with backend.temper():
        found = gpudict.match_atoms(backend.asarray(V), backend.asarray(reference))
    at = host(found.order)
    np.testing.assert_array_equal(at - 2, np.argsort(order))
    np.testing.assert_array_equal(host(found.signs), signs)
    np.testing.assert_allclose(host(found.cosines), 1, atol=1e-6 if dtype == "float32" else 1e-12)
    again = V[at] * host(found.signs)[:, None]
    np.testing.assert_allclose(problems.unit(again), reference, atol=1e-6)


def test_no_other_matching_is_better():
    rng = np.random.default_rng(0)
    for _ in range(20):
        V, reference = (problems.unit(rng.standard_normal((n, 3))) for n in (5, 4))
        cosines = np.abs(reference @ V.T)
        best = max(
            sum(cosines[i, j] for i, j in enumerate(order))
            for order in itertools.permutations(range(5), 4)
        )
        found = gpudict.match_atoms(V, reference)
        assert len(set(found.order)) == 4
        np.testing.assert_allclose(found.cosines.sum(), best, rtol=1e-12)


def test_what_can_not_be_matched_is_refused():
    with pytest.raises(ValueError, match=r"reference has 3 atoms and V 2.*smaller"):
        gpudict.match_atoms(np.eye(3)[:2], np.eye(3))
    with pytest.raises(ValueError, match=r"reference has the shape \(2, 2\)"):
        gpudict.match_atoms(np.eye(3), np.eye(2))
    assert gpudict.match_atoms(np.zeros((2, 2)), np.eye(2)).cosines.tolist() == [0, 0]
