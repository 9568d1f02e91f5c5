"""The map: rows that are well posed, a verdict that sees wrong codes, and a report of what ran."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpudict
from benchmarks.map import __main__ as command
from benchmarks.map import field, report, rows, sets
from benchmarks.map.verdict import judged
from benchmarks.race import measure, tasks
from benchmarks.race.methods import Work

FEW = rows.Row("few", "encode", sets.planted, 30, 16, 24, 0.1)
SETS = {row.data: row for row in rows.ROWS}


def test_the_table():
    names = [row.name for row in rows.ROWS]
    assert len(set(names)) == len(names)
    assert {row.task for row in rows.ROWS} <= set(tasks.names())


@pytest.mark.parametrize("data", SETS, ids=[row.name for row in SETS.values()])
def test_a_data_set(data, monkeypatch: pytest.MonkeyPatch):
    """Rows as many as said, atoms of norm 1, and codes that are neither all zero nor free."""
    monkeypatch.setattr(sets, "TRAINED", 1)
    monkeypatch.setattr(sets, "dictionary", lambda name, X, recipe: X[: recipe.k])
    row = SETS[data]
    row = row._replace(n=min(row.n, 600), k=min(row.k, 50))
    try:
        problem = rows.posed(row)
    except ImportError as error:
        pytest.skip(str(error))
    held = 0 if problem.unseen is None else len(problem.unseen)
    assert len(problem.X) + held == row.n
    assert problem.X.shape[1] == problem.V.shape[1] == row.d
    assert len(problem.V) == row.k
    np.testing.assert_allclose(np.linalg.norm(problem.V, axis=1), 1)
    pull = np.abs(problem.X @ problem.V.T).max(axis=1)
    assert 0 < problem.alpha < pull.max() or 0 < problem.n_nonzero_coefs < row.d


def test_a_set_that_is_too_small_is_refused():
    with pytest.raises(
        ValueError, match="asked for n, d, k = \\(5000, 64, 10\\), got \\(1797, 64\\)"
    ):
        rows.posed(rows.Row("digits", "encode", sets.digits, 5000, 64, 10, 0.1))


def ran(who: str, seconds: float, codes: np.ndarray) -> field.Run:
    return field.Run(who, "planted", seconds, len(codes), codes, codes)


@pytest.fixture(scope="module")
def right() -> np.ndarray:
    problem = rows.posed(FEW)
    return gpudict.encode(problem.X, problem.V, alpha=FEW.weight).Z


def test_right_codes_are_not_called_worse(right: np.ndarray):
    verdict = judged(FEW, rows.posed(FEW), [ran("gpudict", 2, right), ran("SPAMS", 1, right)])
    assert verdict["gpudict"]["gap"] <= 1e-8
    assert verdict["rivals"]["SPAMS"]["ratio"] == 0.5
    assert not verdict["rivals"]["SPAMS"]["lower"]


@pytest.mark.parametrize(("at", "lower"), [(3, [True, True]), (20, [True, False])])
def test_a_wrong_code_is_seen(right: np.ndarray, at: int, lower: list[bool]):
    """The whole of a rival's rows shows it, and a share where it is one of those."""
    wrong = right.copy()
    wrong[at] = 0.9 * wrong[at]
    runs = [ran("gpudict", 1, wrong), ran("SPAMS", 9, right), ran("celer", 9, right[:10])]
    verdict = judged(FEW, rows.posed(FEW), runs)
    assert verdict["gpudict"]["gap"] > 1e-4
    rivals = verdict["rivals"]
    assert [rivals[who]["lower"] for who in ("SPAMS", "celer")] == lower
    assert not judged(FEW, rows.posed(FEW), [ran("gpudict", 1, right), ran("SPAMS", 1, wrong)])[
        "rivals"
    ]["SPAMS"]["lower"]


def test_codes_that_are_not_allowed_are_no_codes(right: np.ndarray):
    """Below zero where they must not be, one atom too many, or no numbers."""
    assert (right < 0).any()
    row = FEW._replace(positive=True)
    assert judged(row, rows.posed(row), [ran("gpudict", 1, right)])["gpudict"]["loss"] is None
    row = FEW._replace(task="omp", weight=3)
    dense = np.ones_like(right)
    assert judged(row, rows.posed(row), [ran("gpudict", 1, dense)])["gpudict"]["loss"] is None
    dense[:, 3:] = 0
    assert judged(row, rows.posed(row), [ran("gpudict", 1, dense)])["gpudict"]["loss"] > 0
    runs = [ran("gpudict", 1, right), ran("SPAMS", 0.1, np.full_like(right, np.nan))]
    verdict = judged(FEW, rows.posed(FEW), runs)
    assert verdict["rivals"]["SPAMS"]["loss"] is None
    assert report.ratios([{"task": "encode", **verdict}], "SPAMS") == []


def test_the_fastest_way_counts(right: np.ndarray):
    runs = [ran("gpudict", 1, right), ran("SPAMS", 3, right), ran("SPAMS", 2, right)]
    assert judged(FEW, rows.posed(FEW), runs)["rivals"]["SPAMS"]["ratio"] == 2


def test_a_share_says_how_long_all_take(monkeypatch: pytest.MonkeyPatch):
    """A row takes 0.1 s: 4 rows are enough to know it."""
    monkeypatch.setattr(measure, "once", lambda call: (call(), 0.1 * len(call())))
    way = field.Way("celer", "celer", "planted", 1, share=True)
    problem = rows.posed(FEW)
    part = field._share(way, lambda n: Work(lambda: np.zeros((n, 24))), problem, "float64")
    assert part is not None
    assert part.rows == 2
    np.testing.assert_allclose(part.seconds, 3.0)


def test_a_map_is_made_without_a_rival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A rival that is not installed is said, rows that were not run stay, the README gets it."""
    pytest.importorskip("matplotlib")
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "README", page)
    monkeypatch.setattr(measure, "restricted", list)
    monkeypatch.setattr(measure, "ENOUGH", 0)
    mine, theirs = (
        [way for way in field.FIELD if way.who == who] for who in (field.MINE, "scikit-learn")
    )
    nobody = theirs[0]._replace(who="nobody", method="nobody")
    monkeypatch.setattr(field, "FIELD", (*mine, *theirs, nobody))
    load = field.methods.load
    monkeypatch.setattr(
        field.methods, "load", lambda name: "nobody is out" if name == "nobody" else load(name)
    )
    signal = rows.Row("signal", "dict_learning", sets.signals, 30, 20, 15, 0.1)
    monkeypatch.setattr(command, "ROWS", (FEW, signal, FEW._replace(name="none", data=_absent)))
    command.main(["--out", str(tmp_path), "--write"])
    command.main(["--out", str(tmp_path), "--only", "fe"])
    made = json.loads((tmp_path / "map.json").read_text())
    assert [row["name"] for row in made["rows"]] == ["few", "signal", "none"]
    assert made["rows"][0]["gpudict"]["certified"] <= 1e-8
    table = page.read_text()
    assert table.startswith("before\n")
    assert table.endswith("after\n")
    for words in ("nobody is out", "not run, as no such set", ": none", "scikit-learn"):
        assert words in table
    assert "| few | 30 × 16, 24 |" in (tmp_path / "map.md").read_text()
    assert (tmp_path / "map.png").exists()


def _absent(n: int, d: int, k: int) -> sets.Pair:
    raise ImportError("no such set")
