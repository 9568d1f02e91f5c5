"""The race on a GPU, rehearsed on the CPU: its contestants, its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support import oracles, problems

torch = pytest.importorskip("torch")

from benchmarks.gpu import fista  # noqa: E402
from benchmarks.gpu import whole as command  # noqa: E402
from benchmarks.race import judge  # noqa: E402
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


def test_fista_of_codes_that_are_not_negative(monkeypatch: pytest.MonkeyPatch):
    """From a start it is there at once; and without a Gram it does the same."""
    X, V = (torch.asarray(a) for a in problems.signal(n=20, d=12, k=10))
    codes = fista.solve(X, V, 0.2, 3000, positive=True)
    gap = oracles.lasso_gap(X.numpy(), V.numpy(), codes.numpy(), 0.2, True)
    assert (gap <= 1e-8 * 0.5 * (X.numpy() ** 2).sum(axis=1)).all()
    assert judge.judge(X.numpy(), V.numpy(), codes.numpy(), 0.2, positive=True).gap <= 1e-8
    assert judge.judge(X.numpy(), V.numpy(), codes.numpy(), 0.2).gap > 1e-8  # of another problem
    again = fista.solve(X, V, 0.2, 1, positive=True, start=codes)
    np.testing.assert_allclose(again, codes, atol=1e-8)
    monkeypatch.setattr(fista, "WITHOUT_GRAM", 5)
    other = fista.solve(X, V, 0.2, 3000, positive=True)
    np.testing.assert_allclose(other, codes, atol=1e-10)


def test_dl_fista_learns():
    """Its atoms have norm 1, and cost less round after round."""
    X, V = problems.signal(n=60, d=12, k=8)
    X, V = torch.asarray(abs(X)), torch.asarray(abs(V))
    costs = []
    for rounds in (0, 1, 8):
        atoms = fista.learn(X, V, 0.1, rounds)
        np.testing.assert_allclose(atoms.norm(dim=1), 1, atol=1e-6)
        codes = fista.solve(X, atoms, 0.1, 2000, positive=True)
        costs.append(oracles.lasso_objective(X.numpy(), atoms.numpy(), codes.numpy(), 0.1).sum())
    assert costs[0] > costs[1] > costs[2]


def test_no_device_is_one_sentence(capsys: pytest.CaptureFixture[str], rehearsed: None):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    assert command.main([]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "torch sees no CUDA device" in said.err
    assert "--device cpu" in said.err


@pytest.mark.slow
def test_a_rehearsal(tmp_path: Path, rehearsed: None):
    """All of it on a tiny problem: every contestant is judged."""
    line = ["--device", "cpu", "--problem", "signal", "--repeats", "1", "--out", str(tmp_path)]
    assert command.main([*line, "--threads", "1"]) == 0
    (path,) = tmp_path.glob("*.json")
    found = json.loads(path.read_text())
    assert path.name == "gpu-cpu-torch-signal-float32.json"
    assert {"name", "driver", "runtime", "versions", "rehearsal"} <= set(found["device"])
    assert {"gpudict", "torch", "numpy"} <= set(found["device"]["versions"])
    assert found["kernels"] == "portable"
    assert set(found["tasks"]) == {"encode", "omp", "learn"}
    names = {task: set(result["methods"]) for task, result in found["tasks"].items()}
    assert {"gpudict", "gpudict, portable", "gpudict, cpu", "sklearn_cd, cpu"} <= names["encode"]
    assert {"torch FISTA, 100 steps", "torch FISTA, 1000 steps"} <= names["encode"]
    assert {"gpudict", "gpudict, cpu"} <= names["omp"]
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
