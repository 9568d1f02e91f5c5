"""Devices that are none: where the simulated one can't be had, its tests are skipped, and say why."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]


@pytest.fixture
def simulated():
    """The context that counts what is asked of the simulated CUDA device."""
    pytest.importorskip("torch")
    from benchmarks import cuda_type
    from benchmarks.simulated import simulated

    try:
        cuda_type.load()
    except cuda_type.Unavailable as reason:
        pytest.skip(f"no simulated CUDA device: {reason}")
    return simulated


def planted(n: int = 300, d: int = 24, k: int = 48, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return data (n, d) that some of k unit atoms explain, and the atoms."""
    rng = np.random.default_rng(seed)
    V = rng.standard_normal((k, d))
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    U = rng.standard_normal((n, k)) * (rng.random((n, k)) < 0.1)
    return U @ V + 0.05 * rng.standard_normal((n, d)), V
