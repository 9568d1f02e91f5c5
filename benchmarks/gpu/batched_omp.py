"""Orthogonal matching pursuit of all rows at once, as PyTorch users write it: a contestant.

Each step every row takes the atom that is most correlated with its residual, and solves the normal
equations of all that it has taken (Pati, Rezaiifar and Krishnaprasad 1993).
"""

from __future__ import annotations

import torch


def solve(X: torch.Tensor, V: torch.Tensor, n_nonzero: int) -> torch.Tensor:
    """Return codes (n, k) with n_nonzero atoms a row."""
    gram, cov = V @ V.T, X @ V.T
    pull, chosen, code = cov, [], torch.zeros_like(cov)
    taken = torch.zeros_like(cov, dtype=torch.bool)
    for _ in range(n_nonzero):
        best = torch.where(taken, -1, pull.abs()).argmax(dim=1)
        taken.scatter_(1, best[:, None], True)
        chosen.append(best)
        index = torch.stack(chosen, dim=1)  # (n, s)
        small = gram[index[:, :, None], index[:, None, :]]
        u = torch.linalg.solve_ex(small, cov.gather(1, index)[:, :, None])[0][:, :, 0]
        code = torch.zeros_like(cov).scatter_(1, index, u)
        pull = cov - code @ gram
    return code
