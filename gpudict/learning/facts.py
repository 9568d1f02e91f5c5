"""What a run learns from, and how, as a checkpoint tells it: by their names on the faces.

Of data it is shape, dtype, and a digest of some rows: to read all of them would take as long as to
learn from them. Of rows in chunks a few lengths stand for it, for another cluster may compute
other last bits.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from gpudict.arrays.door import Array, index_like, is_array, library, take, to_host
from gpudict.coding.alpha.target import TARGETS
from gpudict.learning.checkpoint import Checkpoint
from gpudict.learning.far import Far
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe

ROWS = 16  # of data, whose values are looked at
NAMES = {
    "alpha": "alpha",
    "n_nonzero": "n_nonzero_coefs",
    "target": "target_error",
    "positive": "positive_code",
}  # of what a penalty has


def facts(
    asked: Checkpoint | None,
    learner: str,
    samples: Samples | Far,
    recipe: Recipe,
    random_state: Any,
    **options: Any,
) -> dict[str, Any]:
    """Return all that makes a run what it is, but for n_jobs and what only watches."""
    X, weight = samples.X, samples.weight
    plan, update = recipe.plan, recipe.update
    seed = random_state if asked is None or asked.seed is None else asked.seed
    return {
        "the learner": learner,
        "the library of X": library(X),
        "the shape of X": list(X.shape),
        "the dtype of X": str(to_host(X[:1, :]).dtype),
        "the chunks of X": samples.chunks.name if isinstance(samples, Far) else None,
        "X": _digest(np.asarray(samples.marks()) if isinstance(samples, Far) else _some(X)),
        "sample_weight": None if weight is None else _digest(_some(weight)),
        "n_components": recipe.k,
        "penalty": plan.penalty.called,
        **{NAMES.get(name, name): _option(v) for name, v in sorted(vars(plan.penalty).items())},
        **dict.fromkeys(TARGETS),
        **({} if recipe.aim is None else {recipe.aim.name: recipe.aim.goal}),
        "solver": f"{plan.name} ({plan.solver.name})",
        "code_tol": plan.tol,
        "code_max_iter": plan.max_iter,
        "dictionary_update": update.solver.name,
        "positive_dict": recipe.positive,
        "devices": len(recipe.devices),
        "random_state": _seed(seed),
        **{name: _option(value) for name, value in options.items()},
        **({} if samples.entries is None else {"entry_weight": _digest(_some(samples.entries))}),
    }


def _some(x: Array) -> np.ndarray:
    """Return some rows on the host, evenly over all of them."""
    rows = np.unique(np.linspace(0, x.shape[0] - 1, ROWS).astype(np.int64))
    return to_host(take(x, index_like(rows, x)))


def _digest(a: np.ndarray) -> str:
    head = f"{a.dtype} {a.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(a).tobytes()).hexdigest()


def _option(value: Any) -> Any:
    """Return a parameter as JSON holds it."""
    if is_array(value):
        return _digest(to_host(value))
    if isinstance(value, np.generic):
        return value.item()
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else _digest(np.asarray(value))


def _seed(value: Any) -> Any:
    """Return a seed, or the kind of a generator: where it is, is what a script says."""
    if isinstance(value, np.random.Generator):
        return type(value.bit_generator).__name__
    return "RandomState" if isinstance(value, np.random.RandomState) else _option(value)
