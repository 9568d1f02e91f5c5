"""What may stand around a call: how arrays lie, streams, modes, little memory, warm starts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import gpudict
from benchmarks.gpu import judged
from benchmarks.gpu.contact.instruments import Instruments
from benchmarks.gpu.contact.steps import Asked, there, tried
from benchmarks.gpu.devices import Absent, Device
from benchmarks.race.problems import Problem
from gpudict.arrays.door import to_host

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # of deterministic products
N, D, K = 50_000, 64, 256
MANY = 4096  # atoms where memory is scarce


def found(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield the largest differences in each circumstance, and those of learning."""
    (n,), (k,), (many,) = asked.rows_of(N), asked.atoms_of(K), asked.atoms_of(MANY)
    with there(asked) as (device, has):
        problem, large = judged.planted(n, D, k), judged.planted(n, D, many)
        for dtype in asked.dtypes:
            for name, kind in KINDS.items():
                yield tried(f"{name}, {dtype}", partial(kind, problem, dtype, device, has))
            yield tried(f"5 % of memory, {dtype}", partial(scarce, large, dtype, device, has))
        some = problem._replace(X=problem.X[:2000])
        yield tried("learning, float64", lambda: judged.learning(some, device))


def coded(problem: Problem, dtype: str, X: Any, V: Any, **options: Any) -> dict[str, Any]:
    """Encode, and judge."""
    found = gpudict.encode(X, V, alpha=problem.alpha, **options)
    return judged.lasso(problem, dtype, found, judged.some_of(len(problem.X)))


def strided(problem: Problem, dtype: str, device: Device, has: Instruments) -> dict[str, Any]:
    """Take every second column of X, and every second row of V, of larger arrays."""
    X, V = problem.cast(dtype)
    X, V = np.repeat(X, 2, axis=1), np.repeat(V, 2, axis=0)
    return coded(problem, dtype, device.move(X)[:, ::2], device.move(V)[::2, :])


def offset(problem: Problem, dtype: str, device: Device, has: Instruments) -> dict[str, Any]:
    """Let X and V begin one number after where memory is aligned."""
    arrays = (
        device.move(np.concatenate([a[:1, 0], a.ravel()]))[1:].reshape(a.shape)
        for a in problem.cast(dtype)
    )
    return coded(problem, dtype, *arrays)


def on_a_side_stream(
    problem: Problem, dtype: str, device: Device, has: Instruments
) -> dict[str, Any]:
    """Make the arrays and the call on a stream that is not the default."""
    with has.side():
        return coded(problem, dtype, *(device.move(a) for a in problem.cast(dtype)))


def mode(name: str, problem: Problem, dtype: str, device: Device, has: Instruments) -> dict:
    """Encode in a mode of PyTorch, twice, with the same bits if it is the deterministic one."""
    X, V = (device.move(a) for a in problem.cast(dtype))
    if name in has.lacks:
        raise Absent(has.lacks[name])
    if device.library != "torch":
        raise Absent(f"{device.library} has no such mode")
    with MODES[name]():
        first = coded(problem, dtype, X, V)
        if name == "deterministic":
            one, two = (to_host(gpudict.encode(X, V, alpha=problem.alpha).Z) for _ in range(2))
            first["same_bits"] = bool((one == two).all())
            first["agrees"] &= first["same_bits"]
    return first


def warm(problem: Problem, dtype: str, device: Device, has: Instruments) -> dict[str, Any]:
    """Start from the codes of a larger alpha."""
    X, V = (device.move(a) for a in problem.cast(dtype))
    start = gpudict.encode(X, V, alpha=1.05 * problem.alpha).Z
    return coded(problem, dtype, X, V, init=start)


def sparse(problem: Problem, dtype: str, device: Device, has: Instruments) -> dict[str, Any]:
    """Ask for codes in compressed rows."""
    if "sparse" in has.lacks:
        raise Absent(has.lacks["sparse"])
    X, V = (device.move(a) for a in problem.cast(dtype))
    return coded(problem, dtype, X, V, sparse_output=True)


def scarce(problem: Problem, dtype: str, device: Device, has: Instruments) -> dict[str, Any]:
    """Have a twentieth of the memory."""
    X, V = (device.move(a) for a in problem.cast(dtype))
    with has.scarce():
        return coded(problem, dtype, X, V)


@contextlib.contextmanager
def _tf32() -> Iterator[None]:
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    import torch

    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def _inference() -> Iterator[None]:
    import torch

    with torch.inference_mode():
        yield


MODES = {"inference mode": _inference, "TF32 on": _tf32, "deterministic": _deterministic}
KINDS = {
    "strided": strided,
    "offset": offset,
    "side stream": on_a_side_stream,
    **{name: partial(mode, name) for name in MODES},
    "warm": warm,
    "sparse": sparse,
}
