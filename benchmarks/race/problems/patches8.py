"""50,000 patches of 8×8 pixels, 256 atoms: about 14 non-zeros a row, at most 25."""

from __future__ import annotations

from benchmarks.race.problems import Problem
from benchmarks.race.problems._photo import Recipe, dictionary, patches

RECIPE = Recipe(k=256, alpha=0.15, thin=2, passes=2, batch_size=512, dtype="float32")


def load(n: int | None = None) -> Problem:
    """Return the problem, or its first n rows."""
    X = patches(8, 50_000)
    V = dictionary("patches8", X, RECIPE)
    note = "china.jpg, 8×8 patches, centred, of norm 1; atoms learned online from every second one"
    return Problem("patches8", X[:n], V, RECIPE.alpha, 10, note)
