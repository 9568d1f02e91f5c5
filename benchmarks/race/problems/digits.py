"""scikit-learn's 1,797 digits of 8×8 pixels, as they come, and 30 of them as atoms."""

from __future__ import annotations

from benchmarks.race.problems import Problem, unit


def load(n: int | None = None) -> Problem:
    """Return the problem, or its first n rows."""
    from sklearn.datasets import load_digits

    X = load_digits().data
    return Problem("digits", X[:n], unit(X[:30]), 1.0, 10, "sklearn.datasets.load_digits")
