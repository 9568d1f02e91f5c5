"""What a type checker knows of the public names: their signatures, and no Any in their place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gpudict

api = pytest.importorskip("mypy.api", reason="mypy is not installed: pip install --group dev")

NAMES = [name for name in gpudict.__all__ if name not in ("datasets", "plotting")]


def test_public_names_have_types(tmp_path: Path):
    lines = [f"reveal_type(gpudict.{name})" for name in NAMES]
    lines += [
        "reveal_type(gpudict.encode([[1.0]], [[1.0]], alpha=1.0).n_iter)",
        "reveal_type(gpudict.learn([[1.0]], 2, alpha=1.0).history[0].gap)",
        "reveal_type(gpudict.learn_online([[[1.0]]], 2, alpha=1.0).converged)",
        "reveal_type(gpudict.datasets.photograph)",
        "reveal_type(gpudict.DictionaryLearning(2).fit([[1.0]]).converged_)",
    ]
    file = tmp_path / "user.py"
    file.write_text("\n".join(["import gpudict", *lines]) + "\n")
    root = Path(gpudict.__file__).parent.parent
    config = ["--config-file", str(root / "pyproject.toml")] if (root / ".ci").exists() else []
    said, complained, status = api.run([*config, str(file)])
    assert (status, complained) == (0, ""), said
    found = re.findall(r'Revealed type is "(.*)"', said)
    assert len(found) == len(lines), said
    assert not [line for line, kind in zip(lines, found, strict=True) if kind == "Any"], said
    assert found[-5:] == ["int", "float", "bool", *found[-2:-1], "bool"], found[-5:]
