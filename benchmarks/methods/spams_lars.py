"""SPAMS: the homotopy (LARS) in C++ with OpenMP, and its pursuit; samples are columns there.

Its `omp` chooses the atom that lowers the error most (orthogonal least squares), not the one that
is most correlated with the residual, so its codes are not those of the others.
"""

from __future__ import annotations

import numpy as np

from benchmarks.methods import Prepared

LIBRARY = "spams"


def prepare(X: np.ndarray, V: np.ndarray, dtype: str) -> Prepared:
    """Lay samples and atoms out as Fortran-ordered columns; codes come back as a sparse matrix."""
    import spams

    x, d = (np.asfortranarray(a.T.astype(dtype)) for a in (X, V))

    def encode(alpha: float, threads: int) -> object:
        return spams.lasso(x, D=d, lambda1=alpha, mode=2, numThreads=threads)

    def omp(m: int, threads: int) -> object:
        return spams.omp(x, D=d, L=m, eps=0.0, numThreads=threads)

    return Prepared(encode, omp, lambda codes: codes.T.toarray())
