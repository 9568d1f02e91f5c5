"""The published settings of batched OMP, against the package that they were published for.

The atoms and rows are random, as there; the clock is the host's, between two waits for the device.
Of nearly equal atoms float32 may take the other one, so errors are compared as float32's are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import gpudict
from benchmarks.gpu import batched_omp, judged
from benchmarks.gpu.contact.instruments import Instruments
from benchmarks.gpu.contact.steps import Asked, there, tried
from benchmarks.gpu.devices import Absent, Device
from benchmarks.race import judge
from benchmarks.race.problems import Problem, unit
from gpudict.arrays.door import to_host

OURS = "gpudict"


class Setting(NamedTuple):
    """Features d, atoms k, non-zeros and rows n, and what it stands for."""

    d: int
    k: int
    n_nonzero: int
    n: int
    what: str


SETTINGS = (
    Setting(256, 1024, 32, 5000, "image patches"),
    Setting(64, 256, 8, 10_000, "small patches"),
    Setting(512, 2048, 64, 5000, "audio"),
    Setting(8064, 1207, 30, 1207, "faces"),
)


def found(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield the seconds of each contestant, and the squared error of its codes."""
    with there(asked) as (device, has):
        for setting in SETTINGS:
            n, k = asked.rows_of(setting.n)[0], asked.atoms_of(setting.k)[0]
            s = setting._replace(n=n, k=k, n_nonzero=min(setting.n_nonzero, k))
            problem, of = posed(s), f"{s.d} × {s.k:,}, {s.n_nonzero} atoms, {s.n:,} rows"
            for dtype in asked.dtypes:
                for name, call in contestants(device, problem, dtype).items():
                    race = partial(raced, device, has, call, problem, dtype)
                    what = f"{name}: {s.what}, {of}, {dtype}"
                    yield tried(what, race, ours=name == OURS)


def posed(s: Setting) -> Problem:
    """Return the problem of a setting."""
    rng = np.random.default_rng(0)
    V, X = unit(rng.standard_normal((s.k, s.d))), rng.standard_normal((s.n, s.d))
    return Problem(s.what, X, V, 0.0, s.n_nonzero, "")


def contestants(device: Device, problem: Problem, dtype: str) -> dict[str, Callable[[], Any]]:
    """Return the calls, on data that are there."""
    arrays, most = problem.cast(dtype), problem.n_nonzero_coefs
    X, V = (device.move(a) for a in arrays)
    name = device.torch_name
    tensors = None if name is None else tuple(torch_on(name, a) for a in arrays)

    def package(version: str) -> Any:
        if tensors is None:
            raise Absent("PyTorch sees no CUDA device")
        return batched_omp.solve(*tensors, most, version)

    return {
        OURS: lambda: gpudict.encode(X, V, n_nonzero_coefs=most).Z,
        **{f"{batched_omp.PACKAGE}, {v}": partial(package, v) for v in batched_omp.VERSIONS},
    }


def torch_on(device: str, a: np.ndarray) -> Any:
    """Return an array as PyTorch's tensor on a device."""
    import torch

    return torch.asarray(np.array(a), device=device)


def raced(
    device: Device, has: Instruments, call: Callable[[], Any], problem: Problem, dtype: str
) -> dict[str, Any]:
    """Time a call, and judge the codes: all of them, and some beside the host's."""
    codes, seconds = has.raced(device, call)
    some = judged.some_of(len(problem.X))
    beside = judged.pursuit(problem, dtype, codes, some, limit=judged.FIT["float32"])
    error = judge.squared_error(*problem.cast(dtype), to_host(codes))
    return {**seconds, **beside, "squared_error": error}
