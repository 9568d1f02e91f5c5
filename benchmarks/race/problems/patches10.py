"""50,000 patches of 10×10 pixels, 1,024 atoms: about 23 non-zeros a row, at most 41."""

from __future__ import annotations

from benchmarks.race.problems import Problem
from benchmarks.race.problems._photo import Recipe, dictionary, patches

RECIPE = Recipe(k=1024, alpha=0.12, thin=1, passes=2, batch_size=1000, dtype="float32")


def load(n: int | None = None) -> Problem:
    """Return the problem, or its first n rows."""
    X = patches(10, 50_000)
    V = dictionary("patches10", X, RECIPE)
    note = "china.jpg, 10×10 patches, centred, of norm 1; atoms learned online from all of them"
    return Problem("patches10", X[:n], V, RECIPE.alpha, 23, note)
