"""Orthogonal least squares on the host: compiled, a row after the other; see `kernels.pursuit`.

It starts from nothing chosen, whatever codes it is given.
"""

from __future__ import annotations

from gpudict.solvers.host.batch_omp import BatchOmp


class BatchOls(BatchOmp):
    """Orthogonal least squares, with the inverse of the Gram."""

    stands_for = ("ols",)
    fallback = "ols"
    errors = True


SOLVER = BatchOls()
