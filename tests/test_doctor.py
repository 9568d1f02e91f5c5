"""What `gpudict doctor` says of a machine: run as a user does, and with libraries that misbehave.

A library that is absent is hidden from the import system, one that is broken is a module that
raises, and devices, GPUs included, are rows of the table: a GPU here is the host in another name.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gpudict
from gpudict.arrays import backends, moving
from gpudict.arrays.backends import named
from gpudict.arrays.backends._contract import Device, Devices
from gpudict.tools import cli, doctor, probe

NUMPY = named("numpy")


def seen(*names: str, lacks: str = "", memory=None):
    """Return what a row has for `devices`: these, all of them NumPy's host."""
    return lambda: Devices(tuple(Device(name, "a card", memory) for name in names), lacks)


@pytest.fixture
def rows(monkeypatch):
    """Replace the table by NumPy's row with these changes, one row for each."""

    def put(*changes):
        table = tuple(NUMPY._replace(**change) for change in changes)
        monkeypatch.setattr(doctor, "rows", lambda: table)
        monkeypatch.setattr(moving, "names", lambda: tuple(row.name for row in table))
        monkeypatch.setattr(moving, "named", lambda name: next(r for r in table if r.name == name))

    return put


@pytest.fixture
def cards(monkeypatch):
    """Let NumPy's arrays be those of a GPU, wherever they are said to be."""
    monkeypatch.setattr(probe, "load", lambda name, device: lambda a: a)
    monkeypatch.setattr(probe, "is_launch_bound", lambda x: True)


def run(*arguments: str, path: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with this folder of modules before all others."""
    first = os.pathsep.join(filter(None, [path, str(Path(gpudict.__file__).parent.parent)]))
    environment = {**os.environ, "PYTHONPATH": first, **environment}
    command = [sys.executable, "-m", "gpudict", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def answer(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process: status, what it said, what it complained of."""
    status = cli.main(["doctor", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_as_a_user_runs_it():
    """All that is asked for works: NumPy, whose codes are judged by the portable solver."""
    done = run("--backend", "numpy")
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("gpudict", "python", "numpy", "scikit-learn", "numba"):
        assert f"{name} {doctor.examine('numpy').versions[name]}" in done.stdout
    assert "kernels of the host" in done.stdout
    assert "works by active_set, largest gap" in done.stdout
    assert "torch" not in done.stdout


def test_without_rich_it_is_plain_text(tmp_path):
    """The base install has no rich: none is imported, on a pipe or without it."""
    (tmp_path / "rich.py").write_text("raise ImportError('there is no rich here')")
    done = run("--backend", "numpy", path=str(tmp_path))
    assert done.returncode == 0
    assert "numpy" in done.stdout


def test_libraries_that_break_are_sentences(tmp_path):
    """One raises when it is imported, one is absent, one has no version: NumPy is still solved."""
    (tmp_path / "cupy.py").write_text("raise OSError('libcuda.so.1: no such file\\nand more')")
    (tmp_path / "dpnp.py").write_text("")
    hide = "import sys\nfor name in ('torch', 'jax'): sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hide)
    done = run("--json", path=str(tmp_path))
    found = {library["name"]: library for library in json.loads(done.stdout)["libraries"]}
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "can't be used, OSError: libcuda.so.1: no such file; install" in found["cupy"]["lacks"]
    assert found["cupy"]["broken"]
    assert found["dpnp"]["broken"]
    assert found["torch"]["lacks"]
    assert found["numpy"]["devices"][0]["trouble"] is None
    assert done.stderr.count("\n") == 1
    assert "cupy: can't be used" in done.stderr


@pytest.mark.parametrize("row", [r for r in backends.rows() if r.devices], ids=lambda r: r.name)
def test_an_absent_library_is_its_install_line(row, monkeypatch, capsys):
    find = importlib.util.find_spec
    hide = lambda n, *more: None if n == row.requires else find(n, *more)  # noqa: E731
    monkeypatch.setattr("importlib.util.find_spec", hide)
    status, said, complained = answer(capsys, "--backend", row.name)
    assert status == 1
    assert f"not installed; install it with: {row.install}" in said
    assert complained == f"gpudict: {row.name}: not installed; install it with: {row.install}.\n"


def test_an_absent_library_that_nobody_asked_for(monkeypatch, rows, capsys):
    rows({}, {"name": "other", "requires": "no_such_module", "install": "get it"})
    status, said, _ = answer(capsys)
    assert status == 0
    assert "not installed; install it with: get it" in said


def test_cupy_without_a_driver():
    """CuPy can be imported where no GPU is; that is said, and no error unless CuPy is asked for."""
    cupy = pytest.importorskip("cupy")
    if cupy.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    report = doctor.examine("cupy")
    (found,) = report.libraries
    assert found.version == cupy.__version__
    assert found.lacks.startswith("no device: ")
    assert not found.broken
    assert doctor.failures(report) == [f"cupy: {found.lacks}."]
    assert doctor.failures(report._replace(backend=None)) == []


def test_torch_sees_its_host():
    torch = pytest.importorskip("torch")
    report = doctor.examine("torch")
    (found,) = report.libraries
    assert found.version == torch.__version__
    assert found.solves[0].device.name == "cpu"
    assert not any(s.trouble for s in found.solves)
    assert torch.cuda.is_available() or found.lacks.startswith("no GPU: ")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jax", "dpnp"])
def test_the_others(name):
    """In a process of its own: what is seen is solved, or there is a reason why nothing is."""
    pytest.importorskip(name)
    done = run("--backend", name, "--json")
    (found,) = json.loads(done.stdout)["libraries"]
    assert not found["broken"]
    assert found["devices"] or found["lacks"].startswith("no device: ")
    assert all(d["trouble"] is None and d["gap"] <= probe.TOL for d in found["devices"])
    assert done.returncode == (0 if found["devices"] else 1)


def test_a_gpu_is_required_and_there_is_none(rows, capsys):
    rows({}, {"name": "other", "devices": seen(lacks="no device: there is no GPU driver")})
    status, _, complained = answer(capsys, "--require-gpu")
    assert status == 1
    said = "gpudict: No solve succeeded on a GPU. other: no device: there is no GPU driver.\n"
    assert complained == said
    wrong = doctor.failures(doctor.examine("other"), require_gpu=True)
    assert " ".join(wrong).count("no device") == 1


def test_a_gpu_is_required_by_a_user():
    if any(s.gpu for found in doctor.examine("torch").libraries for s in found.solves):
        pytest.skip("there is a GPU here")
    done = run("--require-gpu", "--backend", "numpy")
    assert done.returncode == 1
    assert done.stderr == "gpudict: No solve succeeded on a GPU.\n"


def test_a_gpu_is_required_and_named(rows, cards, capsys):
    rows({"devices": seen("cuda:0", "cuda:1", memory=(3 * 2**30, 2**32))})
    status, said, complained = answer(capsys, "--require-gpu")
    assert (status, complained) == (0, "")
    assert "numpy computes on cuda:0, a card, 3.0 of 4.0 GiB free" in said
    assert said.count("works by active_set, largest gap") == 2
    status, said, _ = answer(capsys, "--require-gpu", "--device", "cuda:1", "--json")
    gpu = json.loads(said)["gpu"]
    assert status == 0
    assert (gpu["device"], gpu["memory_free"], gpu["gpu"]) == ("cuda:1", 3 * 2**30, True)
    assert 0 <= gpu["gap"] <= probe.TOL


def test_a_gpu_that_fails_is_no_gpu(rows, cards, capsys, monkeypatch):
    def full(*arrays, **how):
        raise MemoryError("out of memory on the card\nand a long trace")

    rows({"devices": seen("cuda:0")})
    monkeypatch.setattr(probe, "encode", full)
    status, said, complained = answer(capsys, "--require-gpu")
    assert status == 1
    sentence = "the solve failed, MemoryError: out of memory on the card"
    assert sentence in said
    assert complained.count("\n") == 1
    assert f"numpy on cuda:0: {sentence}. No solve succeeded on a GPU" in complained


def spoilt(what):
    """Return `encode` with its result spoilt by `what`; the truth it is held to is left alone."""

    def encode(X, V, **how):
        found = gpudict.encode(X, V, **how)
        return found if "solver" in how else what(found)

    return encode


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (
            lambda f: f._replace(gap=f.gap + 1.0),
            "the largest gap, .* is above the tolerance, 1e-05",
        ),
        (lambda f: f._replace(gap=f.gap * np.nan), "the largest gap, nan, is above"),
        (lambda f: f._replace(Z=np.roll(f.Z, 1, axis=1)), "from NumPy's, and .* is allowed"),
        (lambda f: f._replace(Z=f.Z * np.float32(np.nan)), "the codes are nan from NumPy's"),
    ],
    ids=["gap", "no gap", "codes", "no codes"],
)
def test_wrong_numbers_are_failures(what, words, monkeypatch, capsys):
    monkeypatch.setattr(probe, "encode", spoilt(what))
    status, said, complained = answer(capsys, "--backend", "numpy")
    assert status == 1
    assert re.search(words, said)
    assert re.search(f"numpy on cpu: .*{words}", complained)
    assert "works" not in said
    status, said, _ = answer(capsys, "--backend", "numpy", "--json")
    assert json.loads(said)["failures"]  # and what is no number is null


def test_a_gpu_that_is_wrong_is_no_gpu(rows, cards, monkeypatch, capsys):
    rows({"devices": seen("cuda:0")})
    monkeypatch.setattr(probe, "encode", spoilt(lambda f: f._replace(gap=f.gap + 1.0)))
    status, said, complained = answer(capsys, "--require-gpu", "--json")
    assert (status, json.loads(said)["gpu"]) == (1, None)
    assert "No solve succeeded on a GPU" in complained


def test_codes_on_another_device_are_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(probe, "same_place", lambda x, y: False)
    assert "came back on another device" in answer(capsys, "--backend", "numpy")[2]


def test_what_is_allowed_follows_from_the_gap():
    """Codes moved as far as their tolerance lets them are accepted, and no farther than that."""
    X, V = probe._problem()
    allowed = np.sqrt(probe.TOL / probe._modulus(V))
    assert 1e-3 < allowed < 1e-2
    Z = probe._truth().copy()
    Z[3, 0] += 0.9 * allowed * np.linalg.norm(X[3])
    assert probe._distances(X, np.zeros(100), Z)[1] == pytest.approx(0.9 * allowed)
    assert np.count_nonzero(probe._truth()) < 0.5 * Z.size


def test_devices_by_name(capsys):
    """A device that nothing sees, and one that a library does not list and is asked for."""
    status, _, complained = answer(capsys, "--device", "nowhere", "--backend", "numpy")
    assert status == 1
    assert "numpy on nowhere: the solve failed, ValueError" in complained


def test_a_device_that_nothing_sees(rows, capsys):
    rows({}, {"name": "other", "devices": seen("cuda:0")})
    status, said, complained = answer(capsys, "--device", "cuda:9")
    assert (status, complained) == (1, "gpudict: No library here sees the device cuda:9.\n")
    assert said.count("no device cuda:9") == 2
    assert answer(capsys, "--device", "cpu")[0] == 0


def test_a_row_that_raises(rows, capsys):
    def stuck():
        raise RuntimeError("the driver is from another world\N{EM DASH}it says")

    rows({"devices": stuck, "install": "get it"}, {})
    status, said, _ = answer(capsys)
    assert status == 1
    assert "can't be used, RuntimeError: the driver is from another world\\u2014it says" in said
    assert "install it anew with: get it" in said
    assert "works" in said


def test_the_kernels(monkeypatch, capsys):
    monkeypatch.setenv("GPUDICT_KERNELS", "portable")
    assert "off, by GPUDICT_KERNELS=portable" in answer(capsys, "--backend", "numpy")[1]
    monkeypatch.delenv("GPUDICT_KERNELS")
    monkeypatch.setattr("gpudict.solvers.places.numba_works", lambda: False)
    assert doctor.examine("numpy").compiled == "off, for numba can't be imported"


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


def test_on_a_terminal_it_is_rich(monkeypatch, capsys):
    """Brackets in what a library says are no markup."""
    pytest.importorskip("rich")
    monkeypatch.setattr(cli.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    cli._show([("name", "array[0] [bold]is[/bold] [/wrong]"), ("longer name", "text")])
    said = capsys.readouterr().out
    assert "array[0] [bold]is[/bold] [/wrong]" in said
