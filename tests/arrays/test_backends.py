"""What the rows of the table say of devices and of memory, with libraries that are stood in for."""

from __future__ import annotations

import os
import sys
import warnings
from types import SimpleNamespace

import pytest

from gpudict.arrays.backends import named
from gpudict.arrays.backends._contract import Device, Devices


class Cuda(SimpleNamespace):
    """What `torch_devices` and `cupy_devices` ask of a CUDA runtime, with two cards."""

    CUDARuntimeError = RuntimeError
    is_available = staticmethod(lambda: True)
    device_count = getDeviceCount = staticmethod(lambda: 2)
    mem_get_info = staticmethod(lambda i: (i + 1, 10))
    get_device_name = staticmethod(lambda i: f"card {i}")
    getDeviceProperties = staticmethod(lambda i: {"name": f"card {i}".encode()})
    driverGetVersion = staticmethod(lambda: 12000)
    Device = staticmethod(lambda i: SimpleNamespace(mem_info=(i + 1, 10)))


CARDS = (Device("cuda:0", "card 0", (1, 10)), Device("cuda:1", "card 1", (2, 10)))


def fake(monkeypatch, name, **what):
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(__version__="1", **what))


def test_cards_of_torch(monkeypatch):
    built = SimpleNamespace(cuda="13.0", hip=None)
    fake(monkeypatch, "torch", cuda=Cuda(), version=built, get_num_threads=lambda: 2)
    assert named("torch").devices() == Devices((Device("cpu", "2 threads"), *CARDS))

    def no_driver():
        warnings.warn("CUDA initialization: the driver is too old\nUpdate it.", stacklevel=1)
        return False

    fake(
        monkeypatch, "torch", cuda=Cuda(is_available=no_driver), version=built,
        get_num_threads=lambda: 2,
    )  # fmt: skip
    alone = named("torch").devices()
    assert [d.name for d in alone.seen] == ["cpu"]
    assert alone.lacks.endswith("CUDA initialization: the driver is too old")


def test_cards_of_cupy(monkeypatch):
    fake(monkeypatch, "cupy", cuda=SimpleNamespace(runtime=Cuda(), Device=Cuda.Device))
    assert named("cupy").devices() == Devices(CARDS)

    def none():
        raise RuntimeError("cudaErrorInsufficientDriver: too old")

    for version, why in ((0, "there is no GPU driver"), (11000, "InsufficientDriver: too old")):
        lost = Cuda(getDeviceCount=none, driverGetVersion=lambda v=version: v)
        fake(monkeypatch, "cupy", cuda=SimpleNamespace(runtime=lost))
        assert named("cupy").devices().lacks.startswith("no device: ")
        assert why in named("cupy").devices().lacks


def test_cards_of_jax(monkeypatch):
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "so that it is undone at the end")
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE")
    host = SimpleNamespace(platform="cpu", device_kind="cpu", memory_stats=lambda: None)
    stats = {"bytes_limit": 10, "bytes_in_use": 4}
    card = SimpleNamespace(platform="gpu", device_kind="card 0", memory_stats=lambda: stats)
    fake(monkeypatch, "jax", devices=lambda platform=None: [host] if platform else [card])
    found = named("jax").devices()
    assert found == Devices((Device("cpu:0", "cpu"), Device("gpu:0", "card 0", (6, 10))))
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    fake(monkeypatch, "jax", devices=lambda platform=None: [host])
    assert [d.name for d in named("jax").devices().seen] == ["cpu:0"]
    assert named("jax").devices().lacks.startswith("no GPU")


def test_what_the_libraries_are_asked():
    """Where there is no such device they say None, and giving memory back does nothing."""
    torch = pytest.importorskip("torch")
    of_torch, x = named("torch"), torch.zeros(2)
    assert of_torch.free_memory(x) is None
    of_torch.give_back(x)
    assert of_torch.exhausted(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"))
    assert not of_torch.exhausted(RuntimeError("shapes do not match"))
    assert named("jax").exhausted(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating"))
