"""The one door to the libraries, where they differ."""

from __future__ import annotations

import numpy as np

from gpudict.arrays.door import batched_solve
from tests.support.backends import BackendCase, host


def test_a_singular_system_spoils_no_other(backend: BackendCase, dtype: str):
    """Libraries differ: some raise, for all systems of a batch, where one is singular."""
    A = np.stack([np.eye(3), np.ones((3, 3)), 2 * np.eye(3)]).astype(dtype)
    found = batched_solve(backend.asarray(A), backend.asarray(np.ones((3, 3), dtype)))
    np.testing.assert_array_equal(host(found)[[0, 2]], [[1] * 3, [0.5] * 3])
    assert not np.isfinite(host(found)[1]).all()
