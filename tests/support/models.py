"""Files of models as JSON and arrays, to be changed and written again."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gpudict import MiniBatchDictionaryLearning, SparseCoder
from gpudict.arrays.files import contents, sealed
from gpudict.estimators._files import ADVICE
from tests.support.estimators import V, X, fitted

Place = tuple[Any, ...]

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, -5, 625, 1000, 10**9, -(10**9), 2**53),
    *(2**64, 10**30, 10**400),
    *(0.5, 4.0, -1.5, 1e308, float("nan"), float("inf"), -float("inf")),
    *("", "x", "omp", "lasso_cd", "svd", "MT19937", "PCG64", "\0\ud800", "9" * 5000),
    *([], [1], [None], [[1.0, 2.0]], [[1.0], [2.0, 3.0]], ["a"] * 12, {}, {"a": 1}, {"#": []}),
    {"#": "array", "name": "fitted/components_"},
    {"#": "names", "values": [1]},
    {"#": "Progress", "values": [0, 0.0, 0.0, 0, 0.0]},
    {"#": "RandomState", "state": {"bit_generator": "MT19937"}},
)


def saved(kind: Any, path: Path, **options: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the model that the file of a small fitted estimator has, and its arrays."""
    if kind is SparseCoder:
        model = SparseCoder(V.tolist(), transform_algorithm="lasso_cd").fit(X)
    else:
        model = fitted(kind, **options)
    model.save(path)
    return read(path)


def read(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the model that a file has, and its arrays."""
    arrays, text, _ = contents(path, ADVICE)
    return json.loads(text), arrays


def write(path: Path, model: Any, arrays: dict[str, np.ndarray]) -> None:
    """Write a file that holds a model, whatever that is."""
    path.write_bytes(sealed(json.dumps(model), arrays))


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield every place in JSON; of a long list the first, the second and the last item's."""
    yield place
    keys = list(value) if isinstance(value, dict) else []
    if isinstance(value, list):
        keys = sorted({0, 1, len(value) - 1} & set(range(len(value))))
    for key in keys:
        yield from places(value[key], (*place, key))


def replaced(model: Any, place: Place, *new: Any) -> Any:
    """Return a copy of a model with another value at a place, or with none there."""
    if not place:
        return new[0] if new else None
    made = copy.deepcopy(model)
    inner = made
    for key in place[:-1]:
        inner = inner[key]
    if new:
        inner[place[-1]] = new[0]
    else:
        del inner[place[-1]]
    return made


def use(model: Any) -> None:
    """Do with a fitted model what users do: code, go on learning, draw, and save it again."""
    model.transform(X)
    for rng in (getattr(model, "random_state", None), getattr(model, "rng_", None)):
        if hasattr(rng, "standard_normal"):
            rng.standard_normal(700)
            rng.permutation(9)
    if isinstance(model, MiniBatchDictionaryLearning):
        with contextlib.suppress(ValueError):  # n_components is not the number of its atoms
            model.partial_fit(X[:9])
