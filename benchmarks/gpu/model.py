"""The one door to the cost model: what it expects of gpudict's portable encode on this problem."""

from __future__ import annotations

from typing import Any

from benchmarks.cost_rules import CARDS
from benchmarks.device_model import LABEL, encode_trace
from benchmarks.problems import Problem


def card_of(device: str) -> str | None:
    """Return the name of the modelled card that a device's own name has in it, or None."""
    return next((name for name in CARDS if name in device), None)


def expected(problem: Problem, dtype: str, tol: float, card: str) -> dict[str, Any]:
    """Return launches, waits, bytes, FLOPs and seconds that the model counts for the card."""
    rows = len(problem.X)
    _, trace = encode_trace(problem.name, dtype, tol, card=CARDS[card], traced_rows=None, rows=rows)
    return {"label": LABEL, "card": card, **trace.total()._asdict()}
