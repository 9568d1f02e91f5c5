"""Plain ISTA and FISTA with a fixed number of steps, and learning by it, as PyTorch users do.

    z ← soft(y − grad(y)/L, alpha/L),   y ← z + (t − 1)/t₊ · (z − z₋),   t₊ = (1 + √(1 + 4t²))/2

Beck and Teboulle (2009), https://doi.org/10.1137/080716542, eq. 4.1 to 4.3, with all rows at once
and L the largest eigenvalue of V Vᵀ. There is no stopping rule, no restart and no certificate:
pytorch-lasso is written so. DL-FISTA (https://arxiv.org/abs/2603.28744) takes turns: codes of 100
steps that are not negative, from the last ones, then atoms by least squares, made of norm 1. All
are contestants: they share no line with gpudict.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

WITHOUT_GRAM = 10_000  # atoms, above which people multiply by V twice instead
RIDGE = 1e-6  # of the least squares for atoms


def solve(
    X: torch.Tensor,
    V: torch.Tensor,
    alpha: float,
    steps: int,
    *,
    fast: bool = True,
    positive: bool = False,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return codes (n, k) of the lasso after so many steps, from zero or a start; slow is ISTA."""
    correlation, length = _correlation(X, V), 1 / _largest(V)
    z = y = X.new_zeros(len(X), len(V)) if start is None else start
    t, far = 1.0, float(alpha * length)
    for _ in range(steps):
        before, moved = z, correlation(y).mul_(length).add_(y)
        z = (moved - far).clamp_(min=0) if positive else moved - moved.clamp(-far, far)
        after = (1 + (1 + 4 * t * t) ** 0.5) / 2
        y = z + ((t - 1) / after) * (z - before) if fast else z
        t = after
    return z


def _correlation(X: torch.Tensor, V: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the function that maps codes y to (X − y V) Vᵀ."""
    if len(V) > WITHOUT_GRAM:
        return lambda y: torch.addmm(X, y, V, alpha=-1) @ V.T
    gram, cov = V @ V.T, X @ V.T
    return lambda y: torch.addmm(cov, y, gram, alpha=-1)


def _largest(V: torch.Tensor) -> torch.Tensor:
    """Return the largest eigenvalue of V Vᵀ, which is that of Vᵀ V."""
    return torch.linalg.eigvalsh(V @ V.T if V.shape[0] < V.shape[1] else V.T @ V)[-1]


def learn(
    X: torch.Tensor, V: torch.Tensor, alpha: float, rounds: int, steps: int = 100
) -> torch.Tensor:
    """Return the atoms (k, d) after so many rounds of DL-FISTA from V."""
    z = None
    for _ in range(rounds):
        z = solve(X, V, alpha, steps, positive=True, start=z)
        gram = z.T @ z
        gram.diagonal().add_(RIDGE)
        V = torch.linalg.solve(gram, z.T @ X)
        V = V / V.norm(dim=1, keepdim=True).clamp_(min=1e-8)
    return V
