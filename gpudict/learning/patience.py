"""When online learning stops by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from gpudict.learning.online import Step
from gpudict.learning.source import Source


@dataclass
class Patience:
    """When to stop: the atoms hardly change, or a smoothed cost no longer falls.

    Attributes
    ----------
    tol : stop at ‖V − V₋‖_F ≤ tol·k
    most : stop after that many steps without a new lowest smoothed cost; None never
    share : weight of a batch in the smoothed cost, its size over that of the data
    wait : steps before any judgement
    """

    tol: float
    most: int | None
    share: float
    wait: float
    cost: float = math.nan
    lowest: float = math.inf
    without: int = 0

    def reason(self, step: Step, steps: int) -> str | None:
        """Take note of a step, the last of so many of the run; return why to stop, or None."""
        if steps <= self.wait:
            return None
        new, first = step.progress.objective, math.isnan(self.cost)
        self.cost = new if first else self.cost + self.share * (new - self.cost)
        if self.tol > 0 and step.change <= self.tol * step.state.atoms.shape[0]:
            return "small dictionary change"
        self.without = 0 if self.cost < self.lowest else self.without + 1
        self.lowest = min(self.cost, self.lowest)
        if self.most is not None and self.without >= self.most:
            return "lack of improvement in objective function"
        return None

    def noted(self) -> dict[str, Any]:
        """Return what it has taken note of."""
        return {"cost": self.cost, "lowest": self.lowest, "without": self.without}

    @classmethod
    def of(cls, source: Source, tol: float, most: int | None, wait: int = 0) -> Patience:
        """Return the policy in the proportions of the data, which waits so many steps at least."""
        if not source.steps:
            return cls(tol, most, share=0.1, wait=max(wait, 100))
        share = source.total * source.size / (source.rows * (source.total + 1))
        usual = min(100, source.rows / source.size)
        return cls(tol, most, min(1.0, share), max(wait, usual))
