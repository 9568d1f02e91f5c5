"""Two devices of one library that refuse to be mixed: array-api-strict's, simulated CUDA's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.support.backends import on_device1

SLOW = [pytest.mark.slow]  # hundreds of operations, each of them counted


class Pair(NamedTuple):
    """Two devices, and how an array of NumPy comes to the first."""

    devices: Sequence[Any]
    put: Callable[[np.ndarray], Any]


@contextlib.contextmanager
def strict() -> Iterator[Pair]:
    """Two devices of array-api-strict; none is its default."""
    xp = pytest.importorskip("array_api_strict")
    yield Pair([xp.Device("device1"), xp.Device("device2")], on_device1)


@contextlib.contextmanager
def cuda() -> Iterator[Pair]:
    """The two simulated CUDA devices."""
    pytest.importorskip("torch")
    from benchmarks.standins.cuda_type import Unavailable
    from benchmarks.standins.simulated import simulated, to_device

    try:
        with simulated():
            yield Pair(["cuda:0", "cuda:1"], to_device)
    except Unavailable as reason:
        pytest.skip(f"no simulated CUDA device: {reason}")


PAIRS = {"strict": strict, "simulated": cuda}
STRICT = ["strict", pytest.param("simulated", marks=SLOW)]


def across(cases: Iterable[str], quick: Iterable[str]) -> list[Any]:
    """Return (pair, case) for all: on simulated devices, which are slow, few are not marked so."""
    return [
        pytest.param(
            pair, case, id=f"{pair}-{case}", marks=[] if pair == "strict" or case in quick else SLOW
        )
        for pair in PAIRS
        for case in cases
    ]
