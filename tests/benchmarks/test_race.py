"""The race: a judge that shares no line with the package, methods, turns and reports."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import gpudict
from benchmarks.race import __main__ as run
from benchmarks.race import compiling, judge, measure, methods, report, scaling, tasks
from benchmarks.race import problems as data
from tests.support import problems as random_problems


def test_the_judge_on_a_case_by_hand():
    """One atom, x = (3, 4), v = (1, 0), alpha = 1: the optimum is u = 2 with objective 10.5."""
    X, V = np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]])
    best = judge.judge(X, V, np.array([[2.0]]), 1.0)
    assert best == (10.5, 0.0, 0.0, 0, 1.0)
    zero = judge.judge(X, V, np.array([[0.0]]), 1.0)  # dual point x/3: gap 12.5 - (25/3 - 25/18)
    assert zero.objective == 12.5
    assert zero.loose == 1
    np.testing.assert_allclose(zero.gap, (12.5 - (25 / 3 - 25 / 18)) / 12.5)
    np.testing.assert_allclose(judge.squared_error(X, V, np.array([[3.0]])), 16 / 25)


def test_the_judge_agrees_with_the_certificate():
    p = random_problems.coding(13)
    s = gpudict.encode(p.X, p.V, alpha=p.alpha, solver="ista", max_iter=7)
    verdict = judge.judge(p.X, p.V, s.Z, p.alpha)
    half = 0.5 * (p.X**2).sum(axis=1)
    np.testing.assert_allclose(verdict.gap, (s.gap / half).max(), rtol=1e-9)


TINY = {  # (problem, rows) of a task where its own would take long
    "encode": ("signal", None),
    "omp": ("signal", None),
    "ols": ("signal", None),
    "dict_learning": ("signal", None),
    "one_row": ("signal", 1),
    "learn": ("signal", None),
    "online": ("patches", 400),
    "sparse_pca": ("signal", None),
}


@pytest.fixture
def patches(monkeypatch: pytest.MonkeyPatch):
    """A problem with enough rows to learn from, for SPAMS and for what is not seen."""
    X, V = random_problems.signal(n=400, d=8, k=12, seed=1)
    monkeypatch.setattr("benchmarks.race.tasks.online.UNSEEN", 100)
    return data.Problem("patches", X, V, 0.1, 3, "planted", steps=20, batch_size=40)


@pytest.mark.parametrize("name", methods.names())
@pytest.mark.parametrize("task", tasks.names())
def test_every_method_does_its_tasks(task: str, name: str, patches: data.Problem):
    method, module = methods.load(name), tasks.load(task)
    if isinstance(method, str):
        pytest.skip(method)
    if not hasattr(method, task):
        return
    problem = patches if task == "online" else data.load(*TINY[task])
    problem = module.posed(problem) if hasattr(module, "posed") else problem
    setting = methods.Setting("float64", 1)
    work = getattr(method, task)(problem, setting)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if task == "online":
            work = module.settled(problem, setting, {name: work})[name]
        verdict = module.judge(problem, setting, work.plain(work.call()))
    assert all(np.isfinite(v) for v in verdict.values())
    if "gap" in verdict:
        assert verdict["gap"] <= 0.02  # that alpha means the same to all
    if task in ("omp", "ols"):
        assert verdict["squared_error"] < 0.1
    if task == "online":
        start = judge.cost(problem.unseen, problem.V, problem.alpha)
        assert verdict["cost"] < start


def test_a_method_gets_the_batches_that_it_needs(monkeypatch: pytest.MonkeyPatch):
    """One that is twice as good as the reference gets half of its batches."""
    online = tasks.load("online")
    monkeypatch.setattr(online, "cost", lambda problem, V: 1 / V)
    problem = data.load("signal")._replace(steps=200)
    works = {"spams": methods.Work(lambda n: n // 2), "mine": methods.Work(lambda n: n)}
    settled = online.settled(problem, methods.Setting(), works)
    assert settled["spams"].call.args == (200,)
    assert settled["mine"].call.args == (100,)


def test_turns_are_taken():
    calls = []

    def work(name):
        calls.append(name)
        time.sleep(measure.ENOUGH)

    timings, _ = measure.in_turn({"a": lambda: work("a"), "b": lambda: work("b")}, 2)
    assert calls == ["a", "a", "b", "b", "a", "b", "a", "b"]
    assert measure.ENOUGH <= timings["a"].least <= timings["a"].median <= timings["a"].most


def test_a_run_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("benchmarks.race.measure.restricted", list)
    few = ["--problem", "signal", "--repeats", "1", "--methods", "gpudict", "sklearn_cd"]
    for task in ("encode", "omp", "learn"):
        run.main([task, *few, "--out", str(tmp_path)])
    monkeypatch.setattr(scaling, "BASE", {"n": 50, "k": 16, "d": 8})
    monkeypatch.setattr(scaling, "SERIES", {"n": (20, 40), "threads": (1, 2)})
    scaling.main(["--out", str(tmp_path), "--repeats", "1"])
    report.main([str(tmp_path)])
    table = (tmp_path / "report.md").read_text()
    assert table.count("| gpudict |") == 3
    for words in ("largest gap", "squared error", "cost", "| n | 20, 40 |"):
        assert words in table
    assert (tmp_path / "report.png").exists()
    assert (tmp_path / "scaling.png").exists()


def test_first_calls_are_timed():
    assert [part.split()[0] for part in compiling.first_calls().split(", ")] == [
        "lasso",
        "omp",
        "learn",
    ]


def test_the_table_of_the_readme_can_be_made():
    """Every run that `--all` makes is one that the command line knows."""
    line = run.parser()
    for words in run.ALL:
        given = line.parse_args(words.split())
        assert given.task in tasks.names()
        assert set(given.methods or []) <= set(methods.names())
