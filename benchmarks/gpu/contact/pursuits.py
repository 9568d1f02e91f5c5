"""The published settings of batched OMP, against the package that they were published for.

The atoms and rows are random, as there; the clock is the host's, between two waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import gpudict
from benchmarks.gpu import batched_omp
from benchmarks.gpu.contact.instruments import Instruments
from benchmarks.gpu.contact.steps import Asked, there, tried
from benchmarks.gpu.devices import Absent, Device
from benchmarks.race import judge
from benchmarks.race.problems import unit
from gpudict.arrays.door import to_host


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
            rng = np.random.default_rng(0)
            V, X = unit(rng.standard_normal((s.k, s.d))), rng.standard_normal((s.n, s.d))
            for dtype in asked.dtypes:
                arrays = X.astype(dtype), V.astype(dtype)
                for name, call in contestants(device, *arrays, s.n_nonzero).items():
                    what = f"{name}: {s.what}, {s.d} × {s.k:,}, {s.n_nonzero} atoms, "
                    yield tried(
                        f"{what}{s.n:,} rows, {dtype}",
                        lambda call=call, of=arrays: raced(device, has, call, *of),
                    )


def contestants(
    device: Device, X: np.ndarray, V: np.ndarray, n_nonzero: int
) -> dict[str, Callable[[], Any]]:
    """Return the calls, on data that are there."""
    dX, dV = device.move(X), device.move(V)
    name = device.torch_name
    tensors = None if name is None else tuple(torch_on(name, a) for a in (X, V))

    def package(version: str) -> Any:
        if tensors is None:
            raise Absent("PyTorch sees no CUDA device")
        return batched_omp.solve(*tensors, n_nonzero, version)

    return {
        "gpudict": lambda: gpudict.encode(dX, dV, n_nonzero_coefs=n_nonzero).Z,
        **{f"{batched_omp.PACKAGE}, {v}": partial(package, v) for v in batched_omp.VERSIONS},
    }


def torch_on(device: str, a: np.ndarray) -> Any:
    """Return an array as PyTorch's tensor on a device."""
    import torch

    return torch.asarray(np.array(a), device=device)


def raced(
    device: Device, has: Instruments, call: Callable[[], Any], X: np.ndarray, V: np.ndarray
) -> dict[str, Any]:
    """Time a call, and judge the codes."""
    codes, seconds = has.raced(device, call)
    return {**seconds, "squared_error": judge.squared_error(X, V, to_host(codes))}
