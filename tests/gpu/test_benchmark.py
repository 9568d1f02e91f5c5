"""The benchmark of a GPU, rehearsed on the CPU: its contestants, its checks, its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support import oracles, problems

torch = pytest.importorskip("torch")

from benchmarks.gpu import __main__ as command  # noqa: E402
from benchmarks.gpu import batched_omp, checks, devices, fista  # noqa: E402
from benchmarks.race.problems import load  # noqa: E402
from gpudict.solvers.places import numba_works  # noqa: E402


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch):
    """The compiled solvers off, as the command turns them off, and on again afterwards."""
    monkeypatch.setenv("GPUDICT_KERNELS", "portable")
    monkeypatch.setattr("benchmarks.race.measure.restricted", list)
    numba_works.cache_clear()
    yield
    numba_works.cache_clear()


@pytest.mark.parametrize(("fast", "steps"), [(True, 3000), (False, 5000)])
def test_fista_solves_the_lasso(fast: bool, steps: int):
    X, V = problems.signal(n=20, d=12, k=10)
    codes = fista.solve(torch.asarray(X), torch.asarray(V), 0.2, steps, fast=fast)
    gap = oracles.lasso_gap(X, V, codes.numpy(), 0.2)
    assert (gap <= 1e-8 * 0.5 * (X**2).sum(axis=1)).all()
    few = fista.solve(torch.asarray(X), torch.asarray(V), 0.2, 20, fast=fast)
    assert oracles.lasso_gap(X, V, few.numpy(), 0.2).max() > 1e-6  # it only makes its steps


def test_fista_is_faster_than_ista():
    X, V = problems.signal(n=20, d=12, k=10)
    after = [
        oracles.lasso_objective(
            X, V, fista.solve(torch.asarray(X), torch.asarray(V), 0.02, 30, fast=fast).numpy(), 0.02
        ).sum()
        for fast in (True, False)
    ]
    assert after[0] < after[1]


def test_torch_omp_is_omp():
    X, V = problems.signal(n=20, d=12, k=10)
    codes = batched_omp.solve(torch.asarray(X), torch.asarray(V), 4).numpy()
    for x, u in zip(X, codes, strict=True):
        np.testing.assert_allclose(u, oracles.omp(x, V, 4), atol=1e-10)


def test_no_device_is_one_sentence(capsys: pytest.CaptureFixture[str], rehearsed: None):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    assert command.main([]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "torch sees no CUDA device" in said.err
    assert "--device cpu" in said.err


@pytest.mark.parametrize("wrong", ["lasso", "pursuit", "learning"])
def test_wrong_numbers_are_noticed(wrong: str, rehearsed: None):
    """A device whose codes or atoms are a little off does not agree."""
    device = devices.find("torch", "cpu")
    step = {"lasso": 2e-2, "pursuit": 0.2, "learning": 1e-4}[wrong]
    off = device._replace(move=lambda a: device.move(a + step * np.roll(a, 1, axis=1)))
    found = checks.all_of(load("signal"), off)
    assert not any(c["agrees"] for name, c in found.items() if name.startswith(wrong))


@pytest.mark.slow
def test_a_rehearsal(tmp_path: Path, rehearsed: None):
    """All of it on a tiny problem: every contestant is judged, every number agrees."""
    line = ["--device", "cpu", "--problem", "signal", "--repeats", "1", "--out", str(tmp_path)]
    assert command.main([*line, "--threads", "1"]) == 0
    (path,) = tmp_path.glob("*.json")
    found = json.loads(path.read_text())
    assert path.name == "gpu-cpu-torch-signal-float32.json"
    assert {"name", "driver", "runtime", "versions", "rehearsal"} <= set(found["device"])
    assert {"gpudict", "torch", "numpy"} <= set(found["device"]["versions"])
    assert found["kernels"] == "portable"
    assert len(found["checks"]) == 5
    assert all(c["agrees"] and c["value"] <= c["limit"] for c in found["checks"].values())
    assert set(found["tasks"]) == {"encode", "omp", "learn"}
    names = {task: set(result["methods"]) for task, result in found["tasks"].items()}
    assert {"gpudict", "gpudict, portable", "gpudict, cpu", "sklearn_cd, cpu"} <= names["encode"]
    assert {"torch FISTA, 100 steps", "torch FISTA, 1000 steps"} <= names["encode"]
    assert {"gpudict", "gpudict, cpu", "torch OMP"} <= names["omp"]
    assert {"gpudict", "gpudict, cpu"} == names["learn"]
    for result in found["tasks"].values():
        for row in result["methods"].values():
            assert 0 < row["seconds"]["least"] <= row["seconds"]["median"]
    encode = found["tasks"]["encode"]["methods"]
    assert encode["gpudict"]["gap"] <= 1e-5 < encode["torch FISTA, 100 steps"]["gap"]
    model = found["model"]
    assert model["label"] == "model, not a measurement"
    assert model["launches"] > 0
    assert model["waits"] > 0
    assert model["measured_seconds"] == encode["gpudict, portable"]["seconds"]["median"]
    np.testing.assert_allclose(model["ratio"], model["measured_seconds"] / model["seconds"])
