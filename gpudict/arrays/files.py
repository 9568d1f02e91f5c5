"""Arrays and JSON in one file, without pickle: the safetensors format, with a checksum of it all.

A value is packed into JSON, arrays are taken out and named by their place in it. The checksum is in
the header, and of all bytes of the file, with zeros where it stands itself: so no bit can turn
unseen. What is read is data, of which nothing is called; its reader checks what it says.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gpudict._writing import write_whole
from gpudict.arrays import generators
from gpudict.arrays.door import is_array, to_host

WRONG = (ValueError, TypeError, OverflowError)  # what a check raises: a sentence
BLANK = "0" * 64  # where the checksum will stand
SEAL = re.compile(rb'"sha256":"([0-9a-f]{64})"')  # in a text of the header quotes are escaped
Arrays = dict[str, np.ndarray]


class Contents(NamedTuple):
    """What is in a file: arrays, the text beside them, and whether it has a checksum of them."""

    arrays: Arrays
    text: str
    sealed: bool


def write(path: Any, text: str, arrays: Arrays) -> None:
    """Write a text and arrays to a file, all of it or nothing.

    Raises
    ------
    OSError
        The file can't be written; what was there before is as it was.
    """
    write_whole(path, sealed(text, arrays))


def sealed(text: str, arrays: Arrays) -> bytearray:
    """Return the bytes of a file with its checksum in it."""
    from safetensors.numpy import save as packed

    data = bytearray(packed(arrays, metadata={"gpudict": text, "sha256": BLANK}))
    found = _seal(data)
    assert found is not None
    data[slice(*found.span(1))] = _checksum(data, found).encode()
    return data


def contents(path: Any, advice: str) -> Contents:
    """Return what is in a file, which its checksum fits if it has one; `advice` ends a sentence.

    The file is read, not mapped: one that another process cuts short would end this process.

    Raises
    ------
    ValueError
        It is no such file, or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpacked

    path = Path(os.fsdecode(path))
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is a folder or a device, and no file. {advice}")
    data = path.read_bytes()
    try:
        arrays = unpacked(data)
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end], object_pairs_hook=once)
    except (SafetensorError, LookupError, RecursionError, *WRONG) as error:
        raise ValueError(f"{path} is not a safetensors file ({error}). {advice}") from error
    found = _seal(data)
    if found is not None and found.group(1) != _checksum(data, found).encode():
        raise ValueError(f"{path} is damaged: its checksum is another one. {advice}")
    text = (header.get("__metadata__") or {}).get("gpudict", "null")
    return Contents(arrays, text, found is not None)


def _seal(data: bytes | bytearray) -> re.Match[bytes] | None:
    """Return where the checksum stands in the header, if there is one."""
    return SEAL.search(data, 8, 8 + int.from_bytes(data[:8], "little"))


def _checksum(data: bytes | bytearray, found: re.Match[bytes]) -> str:
    """Return the checksum of a file's bytes, in hexadecimal digits."""
    low, high = found.span(1)
    view, made = memoryview(data), hashlib.sha256()
    for part in (view[:low], BLANK.encode(), view[high:]):
        made.update(part)
    return made.hexdigest()


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, in which each name stands once: readers differ on which counts."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return made


def pack(value: Any, place: str, arrays: Arrays) -> Any:
    """Return a value as JSON can hold it; arrays go to `arrays`, under their place in it.

    Of a named tuple the name stands beside the values. What is no data is left out with a warning.
    """
    if isinstance(value, dict):
        return {key: pack(v, f"{place}/{key}", arrays) for key, v in value.items()}
    if isinstance(value, list | tuple):
        items = [pack(v, f"{place}/{i}", arrays) for i, v in enumerate(value)]
        named = isinstance(value, tuple) and type(value) is not tuple
        return {"#": type(value).__name__, "values": items} if named else items
    if isinstance(value, np.ndarray) and value.dtype == object:
        return {"#": "names", "values": [str(v) for v in value]}
    if is_array(value) and np.ndim(value):
        arrays[place] = np.ascontiguousarray(to_host(value))
        return {"#": "array", "name": place}
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return generators.packed(value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    warnings.warn(f"{place} is a {type(value).__name__} and is left out of the file.", stacklevel=4)
    return None
