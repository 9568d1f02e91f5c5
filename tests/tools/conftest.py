"""Tables of libraries that are made up, and GPUs that are the host in another name."""

from __future__ import annotations

import pytest

from gpudict.arrays import moving
from gpudict.tools import doctor, probe
from tests.support.doctor import NUMPY


@pytest.fixture
def rows(monkeypatch):
    """Replace the table by NumPy's row with these changes, one row for each."""

    def put(*changes):
        table = tuple(NUMPY._replace(**change) for change in changes)
        monkeypatch.setattr(doctor, "rows", lambda: table)
        monkeypatch.setattr(moving, "names", lambda: tuple(row.name for row in table))
        monkeypatch.setattr(moving, "named", lambda name: next(r for r in table if r.name == name))

    return put


@pytest.fixture
def cards(monkeypatch):
    """Let NumPy's arrays be those of a GPU, wherever they are said to be."""
    monkeypatch.setattr(probe, "load", lambda name, device: lambda a: a)
    monkeypatch.setattr(probe, "is_launch_bound", lambda x: True)
