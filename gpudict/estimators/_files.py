"""Models in files, without pickle: arrays in the safetensors format, all else as JSON beside them.

A value is packed into JSON, arrays are taken out and named by their place in it. What is neither
data nor a random generator, a callback, can't be in a file: it is left out with a warning. What is
read is checked by `_schema` before anything is made of it, and so is what is written.
"""

from __future__ import annotations

import json
import os
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from gpudict._version import __version__
from gpudict._writing import write_whole
from gpudict.arrays.door import Array, is_array, to_host
from gpudict.estimators import _generators
from gpudict.estimators._schema import rebuilt
from gpudict.learning.records import Progress, State
from gpudict.objective.quadratic import Quadratic

FORMAT = 2  # 1 had one memory of online learning, and is read
NAMED = (Progress, Quadratic, State)  # tuples with names that a model has
ADVICE = "Pass a file that an estimator's save() wrote."
WRONG = (ValueError, TypeError, OverflowError)  # what a check raises: a sentence
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
    text = json.dumps(model)
    try:
        rebuilt(json.loads(text), arrays)
    except WRONG as error:
        raise ValueError(
            f"This {type(estimator).__name__} can't be saved, for no load would take it: {error}. "
            "Set that parameter anew, or call fit again."
        ) from error
    write_whole(path, packed(arrays, metadata={"gpudict": text}))


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
        The file is not such a model, is damaged, or is one of a newer format.

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
    arrays, text = contents(path)
    try:
        model = json.loads(text, object_pairs_hook=once)
    except (RecursionError, *WRONG):
        model = None
    if not isinstance(model, dict) or type(model.get("format")) is not int:
        raise ValueError(f"{path} is a safetensors file, but no model of gpudict. {ADVICE}")
    if model["format"] > FORMAT:
        raise ValueError(
            f"{path} has the format {model['format']}, written by gpudict "
            f"{str(model.get('version'))[:20]}, and this is gpudict {__version__}, which reads up "
            f"to {FORMAT}. Install a newer one."
        )
    try:
        if model["format"] < 1 or not isinstance(model.get("version"), str):
            raise ValueError("it has no format and version that a gpudict wrote")
        estimator = rebuilt(model, arrays)
    except (RecursionError, *WRONG) as error:
        said = str(error)[:300].rstrip(".")
        raise ValueError(f"{path} holds a model that is damaged: {said}. {ADVICE}") from error
    return estimator if like is None else estimator.to(like)


def contents(path: Any) -> tuple[Arrays, str]:
    """Return the arrays of a file and the text beside them.

    The file is read, not mapped: one that another process cuts short would end this process.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpacked

    path = Path(os.fsdecode(path))
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is a folder or a device, and no file. {ADVICE}")
    data = path.read_bytes()
    try:
        arrays = unpacked(data)
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end], object_pairs_hook=once)
    except (SafetensorError, LookupError, RecursionError, *WRONG) as error:
        raise ValueError(f"{path} is not a safetensors file ({error}). {ADVICE}") from error
    return arrays, (header.get("__metadata__") or {}).get("gpudict", "null")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, in which each name stands once: readers differ on which counts."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return made


def pack(value: Any, place: str, arrays: Arrays) -> Any:
    """Return a value as JSON can hold it; arrays go to `arrays`, under their place in it."""
    if isinstance(value, dict):
        return {key: pack(v, f"{place}/{key}", arrays) for key, v in value.items()}
    if isinstance(value, list | tuple):
        items = [pack(v, f"{place}/{i}", arrays) for i, v in enumerate(value)]
        return {"#": type(value).__name__, "values": items} if isinstance(value, NAMED) else items
    if isinstance(value, np.ndarray) and value.dtype == object:
        return {"#": "names", "values": [str(v) for v in value]}
    if is_array(value) and np.ndim(value):
        arrays[place] = np.ascontiguousarray(to_host(value))
        return {"#": "array", "name": place}
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return _generators.packed(value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    warnings.warn(f"{place} is a {type(value).__name__} and is left out of the file.", stacklevel=4)
    return None
