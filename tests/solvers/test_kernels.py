"""Compiled code: one table of constants for two languages, and a cache that is never stale."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gpudict
from gpudict.solvers import constants
from gpudict.solvers.cuda import _launch
from gpudict.solvers.host.kernels import compiling, faces, lasso, pursuit

TABLES = {"lasso": constants.LASSO, "pursuit": constants.PURSUIT}


@pytest.mark.parametrize(("name", "modules"), [("lasso", (lasso, faces)), ("pursuit", (pursuit,))])
def test_one_table(name: str, modules):
    """The host has its row, CUDA both, by the same words; CUDA has no number of its own."""
    known = {word: value for module in modules for word, value in vars(module).items()}
    for word, value in TABLES[name]["float64"]._asdict().items():
        assert known[word] == value
    written = _launch.constants(name)
    for dtype, group in (("float32", r"\1)"), ("float64", r"\2)")):
        code = re.sub(r"sizeof\(real\) == 4 \? (\S+) : (\S+)\)", group, written)
        found = dict(re.findall(r"constexpr (?:int|real) (\w+) = (?:real\()?([^;)]+)", code))
        assert {word: float(value) for word, value in found.items()} == {
            word: float(value) for word, value in TABLES[name][dtype]._asdict().items()
        }
    own = re.findall(r"constexpr \w+ (\w+) = real\(", _launch.source(name))
    assert set(own) <= {*found, "NEVER"}


def test_the_cache_is_keyed_by_all_files(monkeypatch: pytest.MonkeyPatch):
    """A change of any kernel file, or of the constants, is another key."""
    before, read = compiling.digest(), Path.read_bytes
    folder = Path(compiling.__file__).parent
    for changed in (*folder.glob("*.py"), folder.parents[1] / "constants.py"):
        other = lambda self, c=changed: read(self) + b" " * (self == c)  # noqa: E731
        monkeypatch.setattr(Path, "read_bytes", other)
        assert compiling.digest.__wrapped__() != before, changed
    assert lasso.solve._cache._index_key("sig", Codegen())[-1] == before


class Codegen:
    """What Numba asks of a code generator for a key."""

    def magic_tuple(self):
        return ()


@pytest.mark.slow
def test_an_edited_kernel_runs(tmp_path: Path):
    """Of a file that others inline, while theirs is as it was: the next process sees the edit."""
    package = tmp_path / "gpudict"
    shutil.copytree(Path(gpudict.__file__).parent, package)
    run = (
        "import numpy as np, gpudict; "
        "print(gpudict.encode(np.eye(2), np.eye(2), n_nonzero_coefs=1).Z.sum())"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}

    def answer() -> str:
        return subprocess.run([sys.executable, "-c", run], check=True, **options).stdout.strip()

    assert answer() == answer() == "2.0"
    edited = package / "solvers" / "host" / "kernels" / "rows.py"
    text = edited.read_text()
    planted = text.replace("= atoms[a], u[a]", "= atoms[a], 3.0 * u[a]")
    assert planted != text
    edited.write_text(planted)
    assert answer() == "6.0"
