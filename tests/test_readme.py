"""What the documents show runs: the README's blocks and the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import gpudict

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


def missing(needs: str) -> str | None:
    """Return why a block can't run here, or None."""
    if importlib.util.find_spec(needs) is None:
        return f"{needs} is not installed"
    if needs == "cupy":
        import cupy

        return None if cupy.cuda.is_available() else "no CUDA device"
    return None


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.splitlines()[0])
def test_block(block: str):
    needs = re.search(r"# needs: (\w+)", block)
    why = missing(needs[1]) if needs else None
    if why:
        pytest.skip(f"the README's {needs[1]} example: {why}")
    exec(compile(block, "README.md", "exec"), {})


def test_there_are_three_examples():
    assert len(BLOCKS) >= 3


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
        for name in ("functional._batch", "functional._encode", "functional._online", "coding",
                     "learning", "online", "datasets")
    ]  # fmt: skip
    assert min(tried) >= 2


def test_deviations_are_listed():
    """Every default of the function face that differs from scikit-learn's is in the table."""
    table = README[README.index("| here |") : README.index("The estimators")]
    for word in (
        "`method`",
        "`algorithm`",
        "`n_jobs`",
        "`callback`",
        "`dict_init`",
        "norm exactly 1",
    ):
        assert word in table
