"""Batches: as large as the memory that is free, halved where that was not enough."""

from __future__ import annotations

import functools
import logging
import weakref

import numpy as np
import problems
import pytest
from conftest import CASES, BackendCase, host

import gpudict
from gpudict.arrays import batches, memory
from gpudict.arrays.backends import backend_of, named
from gpudict.arrays.door import array_namespace
from gpudict.coding import budget, on_device, request
from gpudict.coding.plan import Plan, penalty_of
from gpudict.coding.request import Request
from gpudict.learning import codes

MIB = 2**20


class Alive:
    """Context that counts the bytes of the tensors alive that were made in it, and their most."""

    def __init__(self) -> None:
        from torch.utils._python_dispatch import TorchDispatchMode
        from torch.utils._pytree import tree_leaves

        self.now = self.most = 0
        alive, seen = self, set()

        def storages(tree):
            import torch

            tensors = (a for a in tree_leaves(tree) if isinstance(a, torch.Tensor))
            return {s._cdata: s for s in (a.untyped_storage() for a in tensors)}

        def gone(key, size):
            seen.discard(key)
            alive.now -= size

        class Mode(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                out = func(*args, **(kwargs or {}))
                old = storages((args, kwargs))
                for key, storage in storages(out).items():
                    if key in old or key in seen:
                        continue
                    seen.add(key)
                    alive.now += storage.nbytes()
                    alive.most = max(alive.most, alive.now)
                    weakref.finalize(storage, gone, key, storage.nbytes())
                return out

        self.mode = Mode()

    def __enter__(self) -> Alive:
        self.mode.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.mode.__exit__(*error)


def planted(n, k, d, support, dtype):
    """Data whose codes have about `support` atoms, a dictionary and the codes."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((k, d)))
    U = rng.standard_normal((n, k)) * (rng.random((n, k)) < support / k)
    X = U @ V + 0.1 / np.sqrt(d) * rng.standard_normal((n, d))
    return tuple(a.astype(dtype) for a in (X, V, U))


# solver, k, d, MiB, atoms a row, options
ROOM = (
    ("working_set", 64, 64, 5, 5, {"alpha": 0.1}),
    ("working_set", 256, 64, 5, 5, {"alpha": 0.1}),
    ("working_set", 256, 64, 5, 5, {"alpha": 0.1, "tol": "below rounding"}),
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
)


@pytest.mark.parametrize("case", ROOM, ids=lambda c: f"{c[0]}-{c[1]}-{'-'.join(map(str, c[4:]))}")
def test_a_batch_takes_what_it_may(case, dtype: str, monkeypatch):
    """What is alive at once is less than the workspace, and more than a third of it."""
    torch = pytest.importorskip("torch")
    name, k, d, mib, support, options = case
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    item, options = np.dtype(dtype).itemsize, dict(options)
    if options.get("tol"):
        options["tol"] = {"float32": 1e-7, "float64": 1e-14}[dtype]
    shared = 3 * item * (k * k if k <= 4096 else k * d)
    monkeypatch.setattr(memory, "HOST_WORKSPACE", mib * MIB)
    X, V, U = (torch.asarray(a) for a in planted(1, k, d, support, dtype))
    alpha = 0.1 if "alpha" in options else None
    penalty = penalty_of((k, d), alpha, options.get("n_nonzero_coefs"), 0.0, False)
    plan = Plan.of(X, k, penalty, solver=name, tol=None, max_iter=None)
    n = 2 * (mib * MIB // budget.bytes_a_row(Request(X, V), plan))
    X, V, U = (torch.asarray(a) for a in planted(n, k, d, support, dtype))
    if options.get("init"):
        options["init"] = U
    if options.get("alpha") == "each":
        options["alpha"] = torch.full((n,), 0.1, dtype=X.dtype)
    with Alive() as alive:
        gpudict.encode(X, V, solver=name, **options)
    most = alive.most - n * k * item  # beside the codes
    assert most <= mib * MIB + shared
    assert 3 * most >= mib * MIB


def errors(name):
    """The errors by which a library says that memory was not enough."""
    if name != "torch-cpu":
        return (MemoryError("no memory"),)
    import torch

    words = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    return (
        MemoryError("no memory"),
        torch.OutOfMemoryError("known by its type"),
        RuntimeError(words),
    )


def limit_rows(monkeypatch, error, most):
    """Let every product of more than `most` rows end in the error; return what each call got.

    Before a call none of the arrays of one that failed may be alive.
    """
    seen, left = [], []

    def limited(module, name, rows_of):
        real = getattr(module, name)

        def call(*args, **kwargs):
            n = rows_of(*args).shape[0]
            assert not any(ref() is not None for ref in left), "a failed batch is still alive"
            seen.append(n)
            if n > most:
                held = np.ones(n)  # stands for the arrays of the failed batch
                left.append(weakref.ref(held))
                raise error
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    limited(request, "by_factors", lambda X, V: X)
    limited(codes, "statistics", lambda X, U, weight: X)
    limited(codes, "half_square", lambda R: R)
    return seen


PORTABLE = [c for c in CASES if c.name in ("numpy-readonly", "torch-cpu", "strict-device1")]
CALLS = ("plain", "init", "each", "sparse", "threads", "omp", "one batch")


def called(name, X, V, U, **options):
    """Return the codes and the gaps of a call to `encode`."""
    options |= {"n_nonzero_coefs": 3} if name == "omp" else {"alpha": 0.1}
    if name == "each":
        xp = array_namespace(X)
        options["alpha"] = 0.1 + 0.05 * xp.astype(
            xp.arange(X.shape[0], device=X.device) % 3, X.dtype
        )
    if name == "threads":
        options["n_jobs"] = 2
    options |= {"init": U} if name == "init" else {}
    options |= {"sparse_output": True} if name == "sparse" else {}
    found = gpudict.encode(X, V, **options)
    if name != "sparse":
        return host(found.Z), host(found.gap), host(found.converged)
    dense = found.Z.toarray() if hasattr(found.Z, "toarray") else found.Z.to_dense()
    return host(dense), host(found.gap), host(found.converged)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", PORTABLE, ids=lambda c: c.name)
def test_halved_batches(case: BackendCase, call: str, monkeypatch, caplog):
    """The codes are those of batches that fitted from the start, bit for bit."""
    pytest.importorskip(case.requires)
    if call == "sparse" and backend_of(array_namespace(case.asarray(np.ones(1)))).csr is None:
        pytest.skip(f"{case.name} has no sparse matrices")
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, U = (case.asarray(a) for a in planted(37, 20, 12, 3, "float64"))
    size = None if call == "one batch" else 16
    least = called(call, X, V, U, batch_size=4 if size else 37 // 2 // 2 // 2)
    for error in errors(case.name):
        with (
            monkeypatch.context() as patch,
            caplog.at_level(logging.WARNING, "gpudict"),
        ):
            caplog.clear()
            seen = limit_rows(patch, error, 7)
            found = called(call, X, V, U, batch_size=size)
        for ours, theirs in zip(found, least, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert found[2].all() or call == "omp"
        assert "was not enough for a batch of" in caplog.text
        if call != "threads":  # a size that worked stays
            first = next(i for i, n in enumerate(seen) if 1 < n <= 7)
            assert max(seen[first:]) <= 7


def failing(error, *args):
    """Raise the error."""
    raise error


@pytest.mark.parametrize("case", PORTABLE, ids=lambda c: c.name)
def test_not_even_a_row(case: BackendCase, monkeypatch):
    """Down to one row, and then one sentence that says what came, what is needed, what to do."""
    pytest.importorskip(case.requires)
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, _ = (case.asarray(a) for a in planted(37, 20, 12, 3, "float32"))
    said = r"even a row at a time: X \(37, 12\) and V \(20, 12\) came.* Pass sparse_output=True"
    for error in errors(case.name):
        with monkeypatch.context() as patch:
            seen = limit_rows(patch, error, 1)
            patch.setattr(on_device, "solved", functools.partial(failing, error))
            with pytest.raises(MemoryError, match=said):
                gpudict.encode(X, V, alpha=0.1)
            assert seen == [37, 18, 9, 4, 2, 1]
    other = ValueError("not about memory")
    with monkeypatch.context() as patch:
        limit_rows(patch, other, 3)
        with pytest.raises(ValueError, match="not about memory"):
            gpudict.encode(X, V, alpha=0.1)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("case", PORTABLE, ids=lambda c: c.name)
def test_learning_in_halves(case: BackendCase, online: bool, monkeypatch):
    """Codes, statistics and costs are made in halves; the dictionary is the same to rounding."""
    pytest.importorskip(case.requires)
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, _ = (case.asarray(a) for a in planted(40, 8, 6, 3, "float64"))
    weight = np.linspace(0.5, 2, 40)
    options = {"alpha": 0.1, "dict_init": V, "code_tol": 1e-12, "max_iter": 2, "random_state": 0}
    options |= {"sample_weight": weight, "dictionary_update": "sweep"}
    options |= {"batch_size": 20} if online else {"tol": 0}
    learn = gpudict.learn_online if online else gpudict.learn
    whole = learn(X, 8, **options)
    for error in errors(case.name):
        with monkeypatch.context() as patch:
            seen = limit_rows(patch, error, 6)
            halves = learn(X, 8, **options)
        assert max(seen) == (20 if online else 40)
        np.testing.assert_allclose(host(halves.dictionary), host(whole.dictionary), atol=1e-8)
        np.testing.assert_allclose(host(halves.objective), host(whole.objective), rtol=1e-9)


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


def test_what_the_libraries_are_asked():
    """Where there is no such device they say None, and giving memory back does nothing."""
    torch = pytest.importorskip("torch")
    of_torch, x = named("torch"), torch.zeros(2)
    assert of_torch.free_memory(x) is None
    of_torch.give_back(x)
    assert of_torch.exhausted(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"))
    assert not of_torch.exhausted(RuntimeError("shapes do not match"))
    assert named("jax").exhausted(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating"))


def test_one_batch_at_a_time(monkeypatch):
    """The codes of a batch are gone, but for their copy, before the next one starts."""
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    X, V, _ = planted(12, 8, 6, 3, "float64")
    real, before = on_device.solved, []

    def spy(*args):
        assert all(ref() is None for ref in before)
        found = real(*args)
        before.extend(weakref.ref(a) for a in found[:2])
        return found

    monkeypatch.setattr(on_device, "solved", spy)
    gpudict.encode(X, V, alpha=0.1, batch_size=3, n_jobs=1)
    assert len(before) == 8


def test_reserves_go_back_before_the_retry(monkeypatch):
    """When nothing of the failed batch is alive that would stay in them."""
    alive, order = [], []

    def job(here):
        if here.stop - here.start > 2:
            held = np.ones(3)
            alive.append(weakref.ref(held))
            raise MemoryError
        assert all(ref() is None for ref in alive), "a piece of the batch is still alive"
        order.append("solved")
        found = np.ones(here.stop - here.start)
        alive.append(weakref.ref(found))
        return found

    def give_back(x):
        assert all(ref() is None for ref in alive)
        order.append("given back")

    row = backend_of(np)._replace(give_back=give_back)
    monkeypatch.setattr(batches, "backend_of", lambda xp: row)
    done = []
    for here, found in batches.in_batches(job, 8, 8, np.ones(1)):
        done.append((here, found.shape))
        del found
    assert done == [(slice(low, low + 2), (2,)) for low in range(0, 8, 2)]
    assert order == ["given back", "given back", *["solved"] * 4]


def test_a_chain_of_errors_holds_no_arrays():
    """Not the error, nor that during whose handling it came."""
    refs = []

    def inner():
        a = np.ones(3)
        refs.append(weakref.ref(a))
        raise MemoryError

    def outer():
        b = np.ones(3)
        refs.append(weakref.ref(b))
        try:
            inner()
        except MemoryError as error:
            kept.append(error)
            raise ValueError from error

    kept: list[BaseException] = []
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        outer()
    assert all(ref() is not None for ref in refs)
    batches.let_go(caught.value)
    assert all(ref() is None for ref in refs)
