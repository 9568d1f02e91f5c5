"""The one door to the cost model: what it expects of gpudict's portable encode on this problem."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.models.cards import CARDS
from benchmarks.models.device import LABEL, priced
from benchmarks.models.workloads import encode
from benchmarks.race.problems import Problem


def card_of(device: str) -> str | None:
    """Return the name of the modelled card that a device's own name has in it, or None."""
    names = (n for n in CARDS if re.search(rf"\b{n}\b(?! Laptop)", device))
    return next(names, None)


def expected(problem: Problem, dtype: str, tol: float, card: str) -> dict[str, Any]:
    """Return launches, waits, bytes, FLOPs and seconds that the model counts for the card."""
    run = encode(dtype, problem.name, len(problem.X))
    return {"label": LABEL, "card": card, **priced(run.counts, CARDS[card])._asdict()}
