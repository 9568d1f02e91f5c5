"""Models in files, without pickle: parameters and fitted state, as `arrays.files` packs them.

What is neither data nor a random generator, a callback, can't be in a file: it is left out with a
warning. What is read is checked by `_schema` before anything is made of it, and so is what is
written.
"""

from __future__ import annotations

import json
from typing import Any

from gpudict._version import __version__
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import Array
from gpudict.arrays.files import WRONG, Arrays, contents, once, pack, write
from gpudict.estimators._schema import rebuilt

FORMAT = 3  # 1 had one memory of online learning, 2 no checksum; both are read
ADVICE = "Pass a file that an estimator's save() wrote."


def save(estimator: Any, path: Any) -> None:
    """Write an estimator's parameters and fitted state to a file."""
    fitted = {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not is_chunked(value)  # of which only a recipe is here
    }
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
    write(path, text, arrays)


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
    arrays, text, sealed = contents(path, ADVICE)
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
        if model["format"] >= 3 and not sealed:
            raise ValueError("it has no checksum")
        estimator = rebuilt(model, arrays)
    except (RecursionError, *WRONG) as error:
        said = str(error)[:300].rstrip(".")
        raise ValueError(f"{path} holds a model that is damaged: {said}. {ADVICE}") from error
    return estimator if like is None else estimator.to(like)
