"""What a model's file holds, as tables: of each parameter and fitted attribute, how it is read.

`rebuilt` walks through a model by these tables. What they don't name is refused, and so is what
they name and doesn't fit: a file that is damaged, or made to do harm, is told by a sentence.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from gpudict.arrays.generators import restored
from gpudict.arrays.per_entry import MISSING
from gpudict.estimators import _readers as to
from gpudict.learning.moments import Explained, Moments
from gpudict.learning.records import Progress, State
from gpudict.objective.quadratic import Quadratic
from gpudict.translation.words import algorithms, methods


def generator(value: Any, place: str, reading: to.Reading) -> Any:
    """Read a random generator."""
    return restored(value, place)


def seed(value: Any, place: str, reading: to.Reading) -> Any:
    """Read random_state: an integer, or a random generator."""
    if isinstance(value, dict):
        return restored(value, place)
    if type(value) is not int or not 0 <= value < 2**32:
        raise ValueError(f"{place} must be null, an integer in [0, 2³²) or a random generator")
    return value


PARAMETERS: dict[str, to.Reader] = {
    "U_init": to.maybe(to.matrix),
    "V_init": to.maybe(to.matrix),
    "alpha": to.weight,
    "batch_size": to.count(1),
    "callback": to.nothing,
    "code_init": to.maybe(to.matrix),
    "dict_init": to.maybe(to.start),
    "dictionary": to.atoms,
    "explained_variance": to.maybe(to.weight),
    "fit_algorithm": to.name(methods),
    "fit_n_nonzero_coefs": to.maybe(to.count(1)),
    "fit_transform_codes": to.name(lambda: ("fit", "transform")),
    "max_iter": to.count(),
    "max_no_improvement": to.maybe(to.count()),
    "method": to.name(methods),
    "missing": to.maybe(to.name(lambda: MISSING)),
    "n_components": to.maybe(to.count(1)),
    "n_jobs": to.maybe(to.jobs),
    "positive_code": to.flag,
    "positive_dict": to.flag,
    "random_state": to.maybe(seed),
    "ridge_alpha": to.weight,
    "shuffle": to.flag,
    "split_sign": to.flag,
    "target_nonzeros": to.maybe(to.weight),
    "tol": to.weight,
    "transform_algorithm": to.name(algorithms),
    "transform_alpha": to.maybe(to.weight),
    "transform_max_iter": to.count(),
    "transform_n_nonzero_coefs": to.maybe(to.count(1)),
    "verbose": to.integer,
}

HISTORY = to.many(to.record(Progress, to.count(), to.real, to.real, to.count(), to.real))
STEPS = to.count(most=to.LARGEST // 2)  # others follow
SUMS = to.record(Quadratic, to.array("dk"), to.array("d"), to.array("kk", "k"), to.nothing)
PAST = to.record(State, to.atoms, SUMS, SUMS, STEPS, *[to.weight] * 3)
FEATURES = {"n_features_in_": to.size("d")}
ATOMS = {"components_": to.atoms, **FEATURES}
SCORES = {**ATOMS, "mean_": to.array("d"), "n_components_": to.size("k")}
ONLINE = {
    **ATOMS,
    "past_": to.one_of(State=PAST, Quadratic=SUMS),
    "rng_": generator,
    "n_steps_": STEPS,
    "history_": HISTORY,
    "converged_": to.flag,
}
FIXED = {"dictionary_": to.atoms, "n_components_": to.size("k"), **FEATURES}

FITTED: dict[str, dict[str, to.Reader]] = {  # what a fit makes, always
    "DictionaryLearning": ATOMS,
    "MiniBatchDictionaryLearning": ONLINE,
    "MiniBatchSparsePCA": SCORES,
    "SparseCoder": FIXED,
    "SparsePCA": SCORES,
}
BESIDE: dict[str, to.Reader] = {  # what it makes too, where it knows it
    "feature_names_in_": to.names("d"),
    "alpha_": to.weight,
    "error_": to.array(to.ANY, finite=False),
    "dual_gap_": to.array(to.ANY, finite=False),
    "explained_variance_ratio_": to.array("k"),
    "n_iter_": to.whole,
    "history_": HISTORY,
    "converged_": to.flag,
}
ROWS: dict[str, to.Reader] = {  # what is known of all rows, where more may come
    "moments_": to.record(
        Moments, to.count(1), to.weight, to.array("d"), to.array("d"), to.array("dd")
    ),
    "explained_": to.record(Explained, to.count(1), to.weight, to.array("kk")),
}
PASSES = {"n_steps_": STEPS, "rng_": generator, "history_": HISTORY, "converged_": to.flag}
ALSO: dict[str, dict[str, to.Reader]] = {"MiniBatchSparsePCA": ROWS | PASSES}
ESTIMATORS = tuple(FITTED)
MODEL = ("format", "version", "estimator", "parameters", "fitted")


def rebuilt(model: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    """Return the estimator of a model: one of ours, with attributes that a fit can have made.

    Raises
    ------
    ValueError, TypeError, OverflowError
        What stands in the file is none of `save`; the message says what is wrong, and where.
    """
    if set(model) != set(MODEL):
        raise ValueError(f"a model has {', '.join(MODEL)}, and {', '.join(model)} came")
    name, reading = model["estimator"], to.Reading(dict(arrays))
    if not isinstance(name, str) or name not in ESTIMATORS:
        raise ValueError(f"{name!r} is no estimator")
    kind = getattr(importlib.import_module("gpudict.estimators"), name)
    allowed = {key: PARAMETERS[key] for key in kind._get_param_names()}
    given = _read(model["parameters"], "parameters", allowed, reading)
    if "dictionary" in allowed and "dictionary" not in given:
        raise ValueError("parameters has no dictionary")
    fitted = {}
    if model["fitted"] != {}:
        readers = FITTED[name] | BESIDE | ALSO.get(name, {})
        fitted = _read(model["fitted"], "fitted", readers, reading)
        needed = [*FITTED[name], *(PASSES if ROWS.keys() & fitted.keys() else ())]
        if absent := [key for key in needed if key not in fitted]:
            raise ValueError(f"fitted has no {absent[0]}, which a fit makes")
        _one_dtype(fitted)
    if reading.arrays:
        raise ValueError(f"the array {next(iter(reading.arrays))!r} stands nowhere in the model")
    estimator = kind(**given)
    if isinstance(past := fitted.get("past_"), Quadratic):  # of format 1
        steps, size = fitted["n_steps_"], estimator.batch_size
        fitted["past_"] = State.of_sums(fitted["components_"], past, steps, size)
    vars(estimator).update(fitted)
    if "target_nonzeros" in allowed:
        estimator._check_target()
    return estimator


def _read(
    values: Any, place: str, readers: dict[str, to.Reader], reading: to.Reading
) -> dict[str, Any]:
    """Return the values of a part of the model, each by the reader of its name."""
    if not isinstance(values, dict):
        raise ValueError(f"{place} must be an object with names")
    if odd := [key for key in values if key not in readers]:
        raise ValueError(f"{odd[0]!r} is none of the {place} of this estimator")
    return {key: readers[key](value, f"{place}/{key}", reading) for key, value in values.items()}


def _one_dtype(fitted: dict[str, Any]) -> None:
    """Raise unless the past has one dtype for its sums, that of the atoms or a wider one."""
    past = fitted.get("past_")
    if past is None:
        return
    dtype = fitted["components_"].dtype
    atoms = past.atoms if isinstance(past, State) else fitted["components_"]
    sums = (past.recent, past.long) if isinstance(past, State) else (past,)
    dtypes = {a.dtype for q in sums for a in q[:3] if a is not None}
    if atoms.dtype != dtype or len(dtypes) > 1 or min(dtypes) < dtype:
        raise ValueError("fitted/past_ has another dtype than fitted/components_")
    if len({q.gram.ndim for q in sums if q.gram is not None}) > 1:
        raise ValueError("fitted/past_ has one memory with a Gram, and one with its diagonal")
