"""The benchmarks' own parts: a judge that shares no line with the package, a model that counts."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import problems as random_problems
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

import gpudict
from benchmarks import judge, measure, methods, report, run
from benchmarks import problems as data


def test_the_judge_on_a_case_by_hand():
    """One atom, x = (3, 4), v = (1, 0), alpha = 1: the optimum is u = 2 with objective 10.5."""
    X, V = np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]])
    best = judge.judge(X, V, np.array([[2.0]]), 1.0)
    assert best == (10.5, 0.0, 1.0)
    zero = judge.judge(X, V, np.array([[0.0]]), 1.0)  # dual point x/3: gap 12.5 - (25/3 - 25/18)
    assert zero.objective == 12.5
    np.testing.assert_allclose(zero.gap, (12.5 - (25 / 3 - 25 / 18)) / 12.5)
    np.testing.assert_allclose(judge.squared_error(X, V, np.array([[3.0]])), 16 / 25)


def test_the_judge_agrees_with_the_certificate():
    p = random_problems.coding(13)
    s = gpudict.encode(p.X, p.V, alpha=p.alpha, solver="ista", max_iter=7)
    verdict = judge.judge(p.X, p.V, s.Z, p.alpha)
    half = 0.5 * (p.X**2).sum(axis=1)
    np.testing.assert_allclose(verdict.gap, (s.gap / half).max(), rtol=1e-9)


@pytest.mark.parametrize("name", methods.names())
def test_every_method_solves_a_small_problem(name: str):
    method = methods.load(name)
    if isinstance(method, str):
        pytest.skip(method)
    p = data.load("signal")
    ready = method.prepare(p.X, p.V, "float64")
    codes = ready.dense(ready.encode(p.alpha, 1))
    assert judge.judge(p.X, p.V, codes, p.alpha).gap <= 1e-6
    if ready.omp is not None:
        assert (np.count_nonzero(ready.dense(ready.omp(3, 1)), axis=1) == 3).all()


def test_turns_are_taken():
    calls = []
    work = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    timings, _ = measure.in_turn(work, 2)
    assert calls == ["a", "b"] * 3
    assert timings["a"].least <= timings["a"].median <= timings["a"].most


def test_a_run_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr("benchmarks.measure.restricted", list)
    for task in ("encode", "omp"):
        run.main(
            [task, "--problem", "signal", "--repeats", "1", "--methods", "gpudict", "sklearn_cd"]
        )
    results = report.load(tmp_path)
    table = report.table(results)
    assert table.count("| gpudict |") == 2
    assert "largest gap" in table
    assert "squared error" in table
    assert len(report.figure(results).axes) == 2


def test_the_model_counts_a_program_by_hand():
    """A product (4, 8) @ (8, 2), a sum of its entries, and one read."""
    torch = pytest.importorskip("torch")
    from benchmarks.cost_rules import CARDS
    from benchmarks.device_model import traced

    card = CARDS["H100"]
    a, b = torch.ones(4, 8), torch.ones(8, 2)
    value, trace = traced(lambda: float((a @ b).sum()), card)
    total = trace.total()
    assert value == 64
    assert total.launches == 2
    assert total.waits == 1
    product = 4 * (4 * 8 + 8 * 2 + 4 * 2)
    assert total.bytes == product + 4 * (4 * 2 + 1)
    assert total.flops == 2 * 4 * 8 * 2
    least = 2 * card.launch + card.wait + total.bytes / card.bandwidth
    assert 0.9 * least <= total.seconds <= 1.1 * least
