"""Models in files, without pickle: arrays in the safetensors format, all else as JSON beside them.

A value is packed into JSON, arrays are taken out and named by their place in it. What is neither
data nor a random generator, a callback, can't be in a file: it is left out with a warning.
"""

from __future__ import annotations

import importlib
import json
import warnings
from typing import Any

import numpy as np

from gpudict._version import __version__
from gpudict._writing import write_whole
from gpudict.arrays.door import Array, is_array, to_host
from gpudict.learning.records import Progress
from gpudict.objective.quadratic import Quadratic

FORMAT = 1
NAMED = {"Progress": Progress, "Quadratic": Quadratic}  # tuples with names that a model has
ESTIMATORS = (
    "DictionaryLearning",
    "MiniBatchDictionaryLearning",
    "MiniBatchSparsePCA",
    "SparseCoder",
    "SparsePCA",
)
BITS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
Arrays = dict[str, np.ndarray]


def save(estimator: Any, path: Any) -> None:
    """Write an estimator's parameters and fitted state to a file."""
    from safetensors.numpy import save as packed

    fitted = {name: value for name, value in vars(estimator).items() if name.endswith("_")}
    arrays: Arrays = {}
    model = {
        "format": FORMAT,
        "version": __version__,
        "estimator": type(estimator).__name__,
        "parameters": pack(estimator.get_params(deep=False), "parameters", arrays),
        "fitted": pack(fitted, "fitted", arrays),
    }
    write_whole(path, packed(arrays, metadata={"gpudict": json.dumps(model)}))


def load(path: Any, *, like: Array | None = None) -> Any:
    """Read an estimator that its `save` wrote. Nothing of the file is executed.

    Parameters
    ----------
    path : str or path-like
        The file.
    like : array, optional
        The arrays of the estimator get its library and device, and keep their dtypes; NumPy's by
        default.

    Returns
    -------
    DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder, SparsePCA or MiniBatchSparsePCA
        With its parameters and, if it was fitted, its fitted state.

    Raises
    ------
    ValueError
        The file is not such a model, or one of a newer format.

    References
    ----------
    The format: https://huggingface.co/docs/safetensors.

    Examples
    --------
    >>> import tempfile, numpy as np, gpudict
    >>> coder = gpudict.SparseCoder(np.eye(2), transform_algorithm="threshold")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     coder.save(f"{folder}/model.safetensors")
    ...     again = gpudict.load(f"{folder}/model.safetensors")
    >>> again.transform(np.array([[3.0, 0.5]]))
    array([[2., 0.]])
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("gpudict", "null")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file ({error}). {ADVICE}") from error
    try:
        model = json.loads(text)
    except (RecursionError, ValueError):
        model = None
    if not isinstance(model, dict) or not isinstance(model.get("format"), int):
        raise ValueError(f"{path} is a safetensors file, but no model of gpudict. {ADVICE}")
    if model["format"] > FORMAT:
        raise ValueError(
            f"{path} has the format {model['format']}, written by gpudict {model.get('version')}, "
            f"and this is gpudict {__version__}, which reads up to {FORMAT}. Install a newer one."
        )
    try:
        estimator = rebuilt(model, arrays)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds a model that is damaged ({error!r}). {ADVICE}") from error
    return estimator if like is None else estimator.to(like)


def rebuilt(model: Any, arrays: Arrays) -> Any:
    """Return the estimator of a model: one of ours, with attributes that a fit can have made."""
    name, fitted = model["estimator"], unpack(model["fitted"], arrays)
    if name not in ESTIMATORS:
        raise ValueError(f"{name!r} is no estimator")
    if odd := [key for key in fitted if not key.endswith("_") or key.startswith("_")]:
        raise ValueError(f"{odd[0]!r} is nothing that a fit makes")
    kind = getattr(importlib.import_module("gpudict.estimators"), name)
    estimator = kind(**unpack(model["parameters"], arrays))
    vars(estimator).update(fitted)
    return estimator


ADVICE = "Pass a file that an estimator's save() wrote."


def pack(value: Any, place: str, arrays: Arrays) -> Any:
    """Return a value as JSON can hold it; arrays go to `arrays`, under their place in it."""
    if isinstance(value, dict):
        return {key: pack(v, f"{place}/{key}", arrays) for key, v in value.items()}
    if isinstance(value, list | tuple):
        items = [pack(v, f"{place}/{i}", arrays) for i, v in enumerate(value)]
        name = type(value).__name__
        return {"#": name, "values": items} if name in NAMED else items
    if isinstance(value, np.ndarray) and value.dtype == object:
        return {"#": "names", "values": [str(v) for v in value]}
    if is_array(value) and np.ndim(value):
        arrays[place] = np.ascontiguousarray(to_host(value))
        return {"#": "array", "name": place}
    if isinstance(value, np.random.RandomState):
        return {"#": "RandomState", "state": plain(value.get_state(legacy=False))}
    if isinstance(value, np.random.Generator):
        return {"#": "Generator", "state": plain(value.bit_generator.state)}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    warnings.warn(f"{place} is a {type(value).__name__} and is left out of the file.", stacklevel=4)
    return None


def plain(state: Any) -> Any:
    """Return the state of a generator with lists for its arrays."""
    return json.loads(json.dumps(state, default=np.ndarray.tolist))


def unpack(value: Any, arrays: Arrays) -> Any:
    """Return what `pack` packed."""
    if isinstance(value, list):
        return [unpack(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("#")
    if kind is None:
        return {key: unpack(v, arrays) for key, v in value.items()}
    if kind in NAMED:
        return NAMED[kind](*(unpack(v, arrays) for v in value["values"]))
    return RESTORED[kind](value, arrays)


def _generator(value: Any, arrays: Arrays) -> np.random.Generator:
    state = value["state"]
    if state["bit_generator"] not in BITS:
        raise ValueError(f"{state['bit_generator']!r} is no bit generator")
    bits = getattr(np.random, state["bit_generator"])()
    inner = {
        k: np.asarray(v, np.uint64) if isinstance(v, list) else v for k, v in state["state"].items()
    }
    buffer = {"buffer": np.asarray(state["buffer"], np.uint64)} if "buffer" in state else {}
    bits.state = state | {"state": inner} | buffer
    return np.random.Generator(bits)


def _random_state(value: Any, arrays: Arrays) -> np.random.RandomState:
    rng = np.random.RandomState()
    rng.set_state(value["state"])
    return rng


RESTORED = {
    "array": lambda value, arrays: arrays[value["name"]],
    "names": lambda value, arrays: np.array(value["values"], dtype=object),
    "RandomState": _random_state,
    "Generator": _generator,
}
