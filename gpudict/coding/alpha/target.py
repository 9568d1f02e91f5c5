"""An alpha for a target: so many non-zeros a row, or such a share of the variance explained.

Both fall as alpha grows, so between one that is too large and one that is too small the alpha is
found by the secant, kept in its bracket (the Illinois rule), each time from the codes before.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gpudict.arrays import parameters
from gpudict.arrays.door import bytes_each
from gpudict.coding.alpha.largest import largest, tops
from gpudict.coding.alpha.warm import Told, Warm

FIRST = 0.3  # of the alpha at which all codes are zero
SMALLEST = {32: 1e-4, 64: 1e-7}  # of it
NEAR = 0.005  # of the target: near enough
MOST = 20  # alphas that are tried in a bracket
STEP = 4.0  # by which alpha follows the atoms at most, in one go


class Found(NamedTuple):
    """An alpha, and what is told of the codes that it gives."""

    alpha: float
    told: Told


class Aim(NamedTuple):
    """What alpha is looked for: the mean of the non-zeros a row, or the share of the variance."""

    name: str
    goal: float

    def reached(self, told: Told) -> float:
        """Return what is reached of what is asked."""
        return told.nonzeros if self.name == NONZEROS else told.explained_variance

    def found(self, warm: Warm) -> Found:
        """Return the alpha whose codes are nearest to the goal; the least one if it is too far."""
        top = largest(tops(warm.X, warm.V, positive=warm.positive))
        spread = warm.spread()
        why = "" if top > 0 else "no entry of X Vᵀ is above 0"
        if self.name == VARIANCE and not spread > 0:
            why = "all rows of X are alike"
        if why:
            raise ValueError(
                f"{self.name}={self.goal:g} came, but {why}, so that no alpha leads there. Pass "
                "alpha, or other data or atoms."
            )
        least = top * SMALLEST[8 * bytes_each(warm.X)]
        seen = [Found(top, Told(0.0, 0.0, math.nan))]
        codes, alpha = None, FIRST * top
        low = high = seen[0]
        while low is high and alpha > least:
            codes = warm.coded(alpha, codes)
            seen.append(now := Found(alpha, warm.told(alpha, codes, spread)))
            low, high = (now, high) if self.reached(now.told) >= self.goal else (now, now)
            alpha /= 2
        return seen[-1] if low is high else self._between(warm, low, high, codes, spread)

    def _between(self, warm: Warm, low: Found, high: Found, codes: Any, spread: float) -> Found:
        """Return the alpha between two of which one gives too much and one too little."""
        best = min(low, high, key=self._off)
        over, under = (self.reached(end.told) - self.goal for end in (low, high))
        for _ in range(MOST):
            if self._off(best) <= NEAR * self._unit() or high.alpha <= low.alpha * (1 + 1e-4):
                break
            share = over / (over - under) if over > under else 0.5
            share = min(max(share, 0.05), 0.95)
            alpha = math.exp((1 - share) * math.log(low.alpha) + share * math.log(high.alpha))
            codes = warm.coded(alpha, codes)
            now = Found(alpha, warm.told(alpha, codes, spread))
            best, off = min(best, now, key=self._off), self.reached(now.told) - self.goal
            if off >= 0:
                low, over, under = now, off, under / 2
            else:
                high, under, over = now, off, over / 2
        return best

    def followed(self, alpha: float, warm: Warm) -> float:
        """Return an alpha that is nearer to the goal for these atoms than one that was near it.

        Non-zeros go about as 1/alpha, and what is not explained as its 1.5th power.
        """
        told = warm.told(alpha, warm.coded(alpha, None), warm.spread())
        reached = self.reached(told)
        if self.name == NONZEROS:
            factor = reached / self.goal
        else:
            factor = ((1 - self.goal) / max(1 - reached, 1e-9)) ** (1 / 1.5)
        return alpha * min(max(factor, 1 / STEP), STEP)

    def missed(self, found: Found) -> bool:
        """Whether the smallest alpha that was tried does not lead to the goal."""
        return self.reached(found.told) < self.goal and self._off(found) > 10 * NEAR * self._unit()

    def _off(self, found: Found) -> float:
        return abs(self.reached(found.told) - self.goal)

    def _unit(self) -> float:
        """What an error is in units of: the non-zeros, or what is left to explain."""
        return self.goal if self.name == NONZEROS else 1 - self.goal


TARGETS = NONZEROS, VARIANCE = "target_nonzeros", "explained_variance"


def aim_of(
    target_nonzeros: Any,
    explained_variance: Any,
    shape: tuple[int, int],
    *,
    weighted: bool = False,
    **others: Any,
) -> Aim | None:
    """Return what is aimed at, for atoms of that shape (k, d); None where no target came.

    `others` are what a code is otherwise, none of which may be there too; `weighted` says that
    entries of X have weights, or are missing.
    """
    asked = {NONZEROS: target_nonzeros, VARIANCE: explained_variance}
    name = next((name for name, value in asked.items() if value is not None), None)
    if name is None:
        return None
    beside = [n for n, value in (asked | others).items() if n != name and value is not None]
    if beside:
        raise ValueError(
            f"Both {name} and {beside[0]} came, and each of them says how sparse a code is. Pass "
            "one of the two: alpha is found for a target."
        )
    if weighted:
        raise ValueError(
            f"{name} came with weights of entries or missing ones, and alpha is found for rows "
            "that are whole. Pass alpha."
        )
    goal = parameters.number(asked[name], name)
    most = min(shape) if name == NONZEROS else 1
    if not 0 < goal < most:
        why = (
            f"of {shape[0]} atoms of {shape[1]} features a code of the lasso uses {most} at most"
            if name == NONZEROS
            else "it is the share of the variance of X that codes and atoms explain"
        )
        raise ValueError(
            f"{name} must be above 0 and below {most}, but {goal:g} came: {why}. Pass such a "
            "number."
        )
    return Aim(name, goal)
