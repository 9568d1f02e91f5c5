"""A bar of what is read: on a terminal alone, late, and gone however reading ends."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import gpudict
from gpudict.arrays.sources import progress

pytest.importorskip("rich")


class Terminal(io.StringIO):
    """What a stream of errors is where somebody looks at it."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let errors go to a terminal, from within a test: before it, pytest puts its own there."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "AFTER", 0.0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    return sys.stderr


def batches():
    return iter(gpudict.stream(np.ones((40, 4)), batch_size=10))


def test_it_is_drawn_and_gone(monkeypatch: pytest.MonkeyPatch):
    terminal = on_terminal(monkeypatch)
    learned = gpudict.learn(gpudict.stream(np.eye(20), batch_size=5), 3, alpha=0.1, max_iter=2)
    assert learned.n_iter == 2
    assert "reading" in terminal.getvalue()
    assert progress.busy == []
    one, two = batches(), batches()
    next(one)
    next(two)
    assert len(progress.busy) == 1  # who came first
    one.close()
    two.close()
    assert progress.busy == []


@pytest.mark.parametrize("why", ["piped", "unwanted", "quick"])
def test_it_is_not_drawn(why: str, monkeypatch: pytest.MonkeyPatch):
    terminal = on_terminal(monkeypatch)
    if why == "piped":
        monkeypatch.setattr(terminal, "isatty", lambda: False)
    elif why == "unwanted":
        monkeypatch.setenv("GPUDICT_PROGRESS", "0")
    else:
        monkeypatch.setattr(progress, "AFTER", 100.0)
    assert len(list(batches())) == 4
    assert terminal.getvalue() == ""
