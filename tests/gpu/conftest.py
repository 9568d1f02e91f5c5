"""A device that is none; where it can't be had, its tests are skipped and say why."""

from __future__ import annotations

import sys
from pathlib import Path

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
