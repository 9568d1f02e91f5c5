"""Plain ISTA and FISTA with a fixed number of steps, as PyTorch users write them (pytorch-lasso).

    z ← soft(y − grad(y)/L, alpha/L),   y ← z + (t − 1)/t₊ · (z − z₋),   t₊ = (1 + √(1 + 4t²))/2

Beck and Teboulle (2009), https://doi.org/10.1137/080716542, eq. 4.1 to 4.3, with all rows at once
and L the largest eigenvalue of V Vᵀ. There is no stopping rule, no restart and no certificate. It
is a contestant: it shares no line with gpudict.
"""

from __future__ import annotations

import torch


def solve(
    X: torch.Tensor, V: torch.Tensor, alpha: float, steps: int, *, fast: bool = True
) -> torch.Tensor:
    """Return codes (n, k) of the lasso after so many steps from zero; ISTA if not fast."""
    gram, cov = V @ V.T, X @ V.T
    length = 1 / torch.linalg.eigvalsh(gram)[-1]
    z = y = torch.zeros_like(cov)
    t = 1.0
    for _ in range(steps):
        before, moved = z, torch.addmm(cov, y, gram, alpha=-1).mul_(length).add_(y)
        z = moved - moved.clamp(-alpha * length, alpha * length)
        after = (1 + (1 + 4 * t * t) ** 0.5) / 2
        y = z + ((t - 1) / after) * (z - before) if fast else z
        t = after
    return z
