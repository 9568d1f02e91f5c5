"""What the documents show runs: the README's blocks and the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudict
from gpudict.solvers.registry import solver_names
from tests.laws.test_scikit_learn import DEVIATIONS
from tests.support.backends import lacks

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [README, *(path.read_text() for path in sorted(ROOT.glob("gpudict/*/README.md")))]
BLOCKS = [block for page in PAGES for block in re.findall(r"```python\n(.*?)```", page, re.S)]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.splitlines()[0])
def test_block(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    needs = re.search(r"# needs: (\w+)", block)
    why = lacks(needs[1]) if needs else None
    if why:
        pytest.skip(f"the README's {needs[1]} example: {why}")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})


def test_a_stranger_reads_it_to_its_end():
    assert README.count("\n") < 300
    assert README.count("```python\n") >= 3


MODULES = [
    m.name
    for m in pkgutil.walk_packages(gpudict.__path__, "gpudict.")
    if not m.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_the_faces_have_examples():
    tried = [
        doctest.testmod(importlib.import_module(f"gpudict.{name}")).attempted
        for name in ("functional._dict_learning", "functional._dict_learning_online",
                     "functional._sparse_encode", "coding.encode", "learning.learn",
                     "learning.learn_online", "datasets")
    ]  # fmt: skip
    assert min(tried) >= 2


def test_every_solver_is_named():
    """A user finds each by name, and a new one is not forgotten."""
    missing = [name for name in solver_names() if f"`'{name}'`" not in README]
    assert not missing, f"the README does not name the solvers {missing}"


def test_deviations_are_listed():
    """Every default that differs from scikit-learn's, and every test of its that asserts one."""
    section = (ROOT / "gpudict" / "functional" / "README.md").read_text()
    for word in (
        "`method`",
        "`algorithm`",
        "`n_jobs`",
        "`callback`",
        "`dict_init`",
        "norm exactly 1",
        *DEVIATIONS,
    ):
        assert word in section


def shown(words: str) -> dict[str, Any]:
    """Return the names that a block of the README defines."""
    (block,) = (b for b in BLOCKS if words in b)
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    return names


def test_the_networks_are_found():
    """Each of the four regions is one of the maps that the README's example finds."""
    names = shown("networks")
    both = np.corrcoef(np.r_[names["found"].reshape(4, -1), names["maps"]])[:4, 4:]
    assert sorted(both.argmax(axis=1).tolist()) == [0, 1, 2, 3]
    assert both.max(axis=1).min() > 0.95
    assert (names["found"] >= 0).all()


def test_the_stains_are_found():
    """Each of the two colours is within the 3° that the README claims."""
    names = shown("stains")
    truth = np.array([names["haematoxylin"], names["eosin"]])
    truth /= np.linalg.norm(truth, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(np.clip(names["stains"] @ truth.T, -1, 1)))
    assert angles.min(axis=1).max() < 3
    assert sorted(angles.argmin(axis=1).tolist()) == [0, 1]
    assert (names["amounts_found"] >= 0).all()
    assert (names["stains"] >= 0).all()
