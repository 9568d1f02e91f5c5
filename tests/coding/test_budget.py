"""How many rows make a batch: what is alive of one fits what it may take, and uses it."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.arrays import memory
from gpudict.arrays.backends import backend_of, named
from gpudict.coding import budget
from gpudict.coding.plan import Plan, penalty_of
from gpudict.coding.request import Request
from tests.support import problems
from tests.support.counting import Alive

MIB = 2**20
# solver, k, d, MiB, atoms a row, options
ROOM = (
    ("working_set", 64, 64, 5, 5, {"alpha": 0.1}),
    ("working_set", 256, 64, 5, 5, {"alpha": 0.1}),
    pytest.param(
        ("working_set", 256, 64, 5, 5, {"alpha": 0.1, "tol": "below rounding"}),
        marks=pytest.mark.slow,
    ),
    (
        "working_set",
        256,
        64,
        8,
        30,
        {"alpha": 0.1, "max_iter": 5},
    ),  # larger Grams than there is room for
    ("working_set", 256, 64, 5, 5, {"alpha": "each", "init": True}),
    ("working_set", 1024, 256, 20, 5, {"alpha": 0.1}),
    ("working_set", 4200, 32, 12, 3, {"alpha": 0.2}),  # no Gram of all atoms
    ("lars", 256, 64, 5, 5, {"alpha": 0.3}),
    ("fista", 256, 64, 5, 5, {"alpha": 0.1, "max_iter": 20}),
    ("omp", 256, 64, 5, 5, {"n_nonzero_coefs": 8}),
    ("omp", 256, 64, 5, 5, {"n_nonzero_coefs": 33}),
    ("ols", 256, 64, 5, 5, {"n_nonzero_coefs": 8}),
    ("ols", 256, 64, 5, 5, {"n_nonzero_coefs": 33}),
)


@pytest.mark.parametrize("case", ROOM, ids=lambda c: f"{c[0]}-{c[1]}-{'-'.join(map(str, c[4:]))}")
def test_a_batch_takes_what_it_may(case, dtype: str, monkeypatch):
    """What is alive at once is less than the workspace, and more than a third of it."""
    takes_what_it_may(case, dtype, monkeypatch)


def takes_what_it_may(case, dtype: str, monkeypatch) -> None:
    """Code rows as in a case, and look what is alive."""
    torch = pytest.importorskip("torch")
    name, k, d, mib, support, options = case
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    item, options = np.dtype(dtype).itemsize, dict(options)
    if options.get("tol"):
        options["tol"] = {"float32": 1e-7, "float64": 1e-14}[dtype]
    shared = 3 * item * (k * k if k <= 4096 else k * d)
    monkeypatch.setattr(memory, "HOST_WORKSPACE", mib * MIB)
    X, V, U = (torch.asarray(a) for a in problems.planted(1, k, d, support, dtype))
    alpha = 0.1 if "alpha" in options else None
    penalty = penalty_of((k, d), alpha, options.get("n_nonzero_coefs"), 0.0, False)
    plan = Plan.of(X, k, penalty, solver=name, tol=None, max_iter=None)
    n = 2 * (mib * MIB // budget.bytes_a_row(Request(X, V), plan))
    X, V, U = (torch.asarray(a) for a in problems.planted(n, k, d, support, dtype))
    if options.get("init"):
        options["init"] = U
    if options.get("alpha") == "each":
        options["alpha"] = torch.full((n,), 0.1, dtype=X.dtype)
    with Alive() as alive:
        gpudict.encode(X, V, solver=name, **options)
    most = alive.most - n * k * item  # beside the codes
    assert most <= mib * MIB + shared
    assert 3 * most >= mib * MIB


@pytest.mark.slow
def test_where_sorting_takes_room(dtype: str, monkeypatch):
    """As on CuPy, where the sort of many dense rows is what takes most."""
    torch = pytest.importorskip("torch")
    from array_api_compat import torch as xp

    real, room = xp.argsort, named("cupy").sorting
    usual = named("torch").sorting

    def argsort(x, **options):
        held = torch.zeros((room - usual) * x.numel(), dtype=torch.uint8)
        found = real(x, **options)
        assert held.numel()  # until here
        return found

    monkeypatch.setattr(xp, "argsort", argsort)
    monkeypatch.setattr(memory, "backend_of", lambda xp: named("torch")._replace(sorting=room))
    takes_what_it_may(("working_set", 4200, 32, 32, 3, {"alpha": 0.2}), dtype, monkeypatch)


def test_memory_that_is_free_sizes_the_batches(monkeypatch):
    """Half of what is free beside the codes, in powers of two, at most what is useful; or what is
    stated where the device does not say."""
    xp = np
    X, V = xp.ones((10**5, 64), np.float32), xp.ones((256, 64), np.float32)
    penalty = penalty_of((256, 64), 0.1, None, 0.0, False)
    plan = Plan.of(X, 256, penalty, solver="working_set", tol=None, max_iter=None)
    row = budget.bytes_a_row(Request(X, V), plan)
    real = backend_of(np)

    def rows(free, sparse=True):
        faked = real._replace(launch_bound=lambda x: True, free_memory=lambda x: free)
        monkeypatch.setattr(memory, "backend_of", lambda xp: faked)
        for module in (memory, budget):
            monkeypatch.setattr(module, "is_launch_bound", lambda x: True)
        return budget.rows_a_batch(Request(X, V), plan, sparse)

    shared = 3 * 4 * 256**2
    assert rows(shared + 2 * 1024 * row) == 1024
    assert rows(shared + 2 * 1024 * row - 2) == 512
    assert rows(shared + 4 * 10**5 * 256 + 2 * 1024 * row, sparse=False) == 1024
    assert rows(0) == rows(-1) == 1
    assert rows(2**50) * row <= memory.DEVICE_WORKSPACE < 2 * rows(2**50) * row
    assert rows(2**50) >= 50_000
    assert rows(None) * row <= memory.UNASKED_WORKSPACE < 2 * rows(None) * row
