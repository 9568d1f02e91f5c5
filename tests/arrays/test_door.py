"""The one door to the libraries, where they differ."""

from __future__ import annotations

import numpy as np
import pytest

from gpudict.arrays.door import array_namespace, batched_solve, float64_of, read
from tests.support.backends import BackendCase, host


def test_a_singular_system_spoils_no_other(backend: BackendCase, dtype: str):
    """Libraries differ: some raise, for all systems of a batch, where one is singular."""
    A = np.stack([np.eye(3), np.ones((3, 3)), 2 * np.eye(3)]).astype(dtype)
    found = batched_solve(backend.asarray(A), backend.asarray(np.ones((3, 3), dtype)))
    np.testing.assert_array_equal(host(found)[[0, 2]], [[1] * 3, [0.5] * 3])
    assert not np.isfinite(host(found)[1]).all()


def test_counts_are_read_exactly(backend: BackendCase, dtype: str):
    """Beside numbers of any dtype, beyond the 2²⁴ to which float32 counts."""
    x = backend.asarray(np.asarray([0.5], dtype))
    if float64_of(x) is None:
        pytest.skip("this device has no float64")
    xp = array_namespace(x)
    count = xp.astype(backend.asarray(np.asarray([2**24 + 1], np.int32)), xp.int32)
    assert read(x[0], count[0]) == [0.5, 2**24 + 1]
