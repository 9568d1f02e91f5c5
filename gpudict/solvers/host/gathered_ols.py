"""Orthogonal least squares over many atoms on the host: compiled; see `kernels.crowd`.

It starts from nothing chosen, whatever codes it is given.
"""

from __future__ import annotations

from gpudict.solvers.host.gathered_omp import GatheredOmp


class GatheredOls(GatheredOmp):
    """Orthogonal least squares with a product a step, and Grams of the chosen atoms alone."""

    stands_for = ("ols",)
    fallback = "ols"
    errors = True


SOLVER = GatheredOls()
