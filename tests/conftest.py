"""What every test may ask for: each row of the matrix, each dtype, a simulated device; and marks.

Every test that takes `backend` runs on all libraries of `support.backends`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from signal import SIG_IGN, SIGINT, default_int_handler, getsignal
from signal import signal as handle
from typing import Any
from unittest import mock

import numpy as np
import pytest

import gpudict
from gpudict.arrays.backends import _kept
from gpudict.solvers import places
from tests.support import problems
from tests.support.backends import CASES, BackendCase, lacks, prepare_dpnp
from tests.support.pairs import PAIRS, Pair

SLOW = (  # they compile each shape, or each kernel; or make very many small operations
    "jax-eager",
    "dpnp",
    "portable-torch",
    "portable-stream to torch",
)
BY_HAND = (  # JAX compiles each shape: of some, what another row of the table holds as well
    "test_on_every_library[jax-eager-float32",
    "test_holes_are_taken[jax-eager-MiniBatchDictionaryLearning-omp",
    "test_each_row_sees_its_own_atoms[jax-eager-float32",
)
MANY = 1000  # tests, from which on it is worth to wait for what is compiled
AHEAD = """
import gpudict, numpy as np
V = np.eye(3)
gpudict.learn_online(V, 2, alpha=0.1)
print("what is needed first is there", flush=True)
gpudict.encode(V, V, n_nonzero_coefs=2, solver="omp")
gpudict.learn(V[None] + 0.1, 2, alpha=0.1, dict_init="data")
gpudict.encode(V[None], V[None], alpha=0.1)
"""
compiling = pytest.StashKey["subprocess.Popen[bytes]"]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let another core compile what takes longest, into Numba's cache, if all tests will run."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    every = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if len(cores) >= 2 and every and places.allowed():
        command = [sys.executable, "-W", "ignore", "-c", AHEAD]
        session.config.stash[compiling] = subprocess.Popen(command, stdout=subprocess.PIPE)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End it."""
    if compiling in session.config.stash:
        with session.config.stash[compiling] as ahead:
            ahead.kill()


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow in our tests and, of dpnp, in scikit-learn's."""
    for item in items:
        if any(name in item.name for name in SLOW):
            item.add_marker(pytest.mark.slow)
        if any(name in item.name for name in BY_HAND):
            item.add_marker(pytest.mark.by_hand)


@pytest.fixture(autouse=True)
def _usable(request: pytest.FixtureRequest) -> None:
    """Prepare dpnp where a test will use it, and skip what can't run here."""
    if "dpnp" in request.node.name and importlib.util.find_spec("dpnp"):
        prepare_dpnp()
    if request.node.get_closest_marker("compiled") and not places.allowed():
        pytest.skip("GPUDICT_KERNELS=portable: no compiled solver is wanted")
    if "array_namespace=cupy" in request.node.name and (why := lacks("cupy")):
        pytest.skip(why)


@pytest.fixture(autouse=True, scope="session")
def _interrupts_are_heard() -> Iterator[None]:
    """Undo what a shell does to its jobs in the background: they, and their children, ignore it."""
    before = getsignal(SIGINT)
    if before == SIG_IGN:
        handle(SIGINT, default_int_handler)
    yield
    handle(SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def _no_kernels_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep kernels that are compiled in a folder of the tests."""
    folder = tmp_path_factory.mktemp("kernels")
    with mock.patch.object(_kept, "folder", return_value=folder):
        yield


@pytest.fixture(autouse=True, scope="session")
def _compiled_ahead(request: pytest.FixtureRequest) -> None:
    """Compile what else is needed early, and wait for what another process compiles."""
    if compiling in request.config.stash and request.session.testscollected >= MANY:
        V = np.eye(3)
        gpudict.encode(V, V, n_nonzero_coefs=2, solver="lars")
        request.config.stash[compiling].stdout.readline()


@pytest.fixture(params=[pytest.param(case, id=case.name) for case in CASES])
def backend(request: pytest.FixtureRequest) -> Iterator[BackendCase]:
    """Each array library in turn, in its temper."""
    pytest.importorskip(request.param.requires)
    if why := request.param.lacks():
        pytest.skip(why)
    with request.param.temper():
        yield request.param


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two devices of each library that has two here."""
    with PAIRS[request.param]() as found:
        yield found


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Each dtype in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def signal():
    """1,500 rows over 128 atoms: enough for chunks, threads, and several rounds a row."""
    return problems.signal(n=1500, d=24, k=128, seed=3)


@pytest.fixture
def simulated() -> Any:
    """The context that counts what is asked of the simulated CUDA device."""
    pytest.importorskip("torch")
    from benchmarks.standins import cuda_type
    from benchmarks.standins.simulated import simulated as context

    try:
        cuda_type.load()
    except cuda_type.Unavailable as reason:
        pytest.skip(f"no simulated CUDA device: {reason}")
    return context
