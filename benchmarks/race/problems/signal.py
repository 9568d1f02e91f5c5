"""The documented small example: 30 signals of 10 non-zeros over 15 atoms in 20 dimensions."""

from __future__ import annotations

from benchmarks.race.problems import Problem


def load(n: int | None = None) -> Problem:
    """Return the problem, or its first n rows."""
    from sklearn.datasets import make_sparse_coded_signal

    X, V, _ = make_sparse_coded_signal(
        n_samples=30, n_components=15, n_features=20, n_nonzero_coefs=10, random_state=42
    )
    note = "sklearn.datasets.make_sparse_coded_signal, seed 42"
    return Problem("signal", X[:n], V, 0.1, 10, note)
