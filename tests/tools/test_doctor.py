"""What `gpudict doctor` says of a machine: run as a user does, and with libraries that misbehave.

A library that is absent is hidden from the import system, one that is broken is a module that
raises, and devices, GPUs included, are rows of the table: a GPU here is the host in another name.
"""

from __future__ import annotations

import importlib.util
import json

import pytest

from gpudict.arrays import backends
from gpudict.tools import doctor, probe
from tests.support.doctor import answer, run, seen


@pytest.mark.compiled
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


@pytest.mark.compiled
def test_a_gpu_is_required_and_named(rows, cards, capsys):
    rows({"devices": seen("cuda:0", "cuda:1", memory=(3 * 2**30, 2**32))})
    status, said, complained = answer(capsys, "--require-gpu")
    assert (status, complained) == (0, "")
    assert "numpy computes on cuda:0, a card, 3.0 of 4.0 GiB free" in said
    works = [line.split()[0] for line in said.splitlines() if "works by active_set" in line]
    assert works == ["cuda:0", "cuda:1"]
    status, said, _ = answer(capsys, "--require-gpu", "--device", "cuda:1", "--json")
    gpu = json.loads(said)["gpu"]
    assert status == 0
    assert (gpu["device"], gpu["memory_free"], gpu["gpu"]) == ("cuda:1", 3 * 2**30, True)
    assert 0 <= gpu["gap"] <= probe.TOL


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
