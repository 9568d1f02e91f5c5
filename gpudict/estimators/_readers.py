"""Readers of what stands at a place of a model's file, of which `_schema` makes its tables.

A reader takes the JSON at a place, refuses with a sentence what `save` can't have written there,
and returns the value. Sizes have letters, k atoms and d features, and each letter one value in a
file. An array is named by its place, and stands in one place only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gpudict.arrays import parameters

ANY = "*"  # a size of its own
LARGEST = 2**53  # of a count: what every float and every index of the library can hold


@dataclass
class Reading:
    """The walk through one file: arrays that no place has taken yet, and the sizes so far."""

    arrays: dict[str, np.ndarray]
    sizes: dict[str, int] = field(default_factory=dict)

    def sized(self, place: str, letters: str, shape: tuple[int, ...]) -> None:
        """Note the sizes, or raise if they are not those of the places before."""
        for letter, size in zip(letters, shape, strict=True):
            known = self.sizes.setdefault(letter, size)
            if letter != ANY and known != size:
                raise ValueError(f"{place} has {letter} = {size}, and {known} stands elsewhere")


Reader = Callable[[Any, str, Reading], Any]


def maybe(read: Reader) -> Reader:
    """Return a reader that takes None too."""
    return lambda value, place, reading: None if value is None else read(value, place, reading)


def count(minimum: int = 0, most: int = LARGEST) -> Reader:
    """Return a reader of an integer from a minimum to the most."""

    def read(value: Any, place: str, reading: Reading) -> Any:
        if type(value) is not int or not minimum <= value <= most:
            raise ValueError(f"{place} must be an integer from {minimum} to {most}")
        return value

    return read


def whole(value: Any, place: str, reading: Reading) -> int:
    """Read a count that scikit-learn may have left as a float."""
    exact = int(value) if type(value) is float and value.is_integer() else value
    return int(count()(exact, place, reading))


def integer(value: Any, place: str, reading: Reading) -> Any:
    """Read an integer of either sign, true or false among them."""
    if type(value) not in (bool, int) or abs(value) > LARGEST:
        raise ValueError(f"{place} must be an integer, or true or false")
    return value


def size(letter: str) -> Reader:
    """Return a reader of the number that the letter stands for."""

    def read(value: Any, place: str, reading: Reading) -> Any:
        reading.sized(place, letter, (count(1)(value, place, reading),))
        return value

    return read


def flag(value: Any, place: str, reading: Reading) -> Any:
    """Read true or false; a parameter may have been set to 0 or 1."""
    if type(value) is not bool and (type(value) is not int or value not in (0, 1)):
        raise ValueError(f"{place} must be true or false")
    return value


def weight(value: Any, place: str, reading: Reading) -> Any:
    """Read a parameter that is a finite number, 0 or more."""
    real(value, place, reading)
    parameters.number(value, place)
    return value


def real(value: Any, place: str, reading: Reading) -> Any:
    """Read a number of a record, which may be infinite: the gap of a pursuit is."""
    if type(value) is not float and (type(value) is not int or abs(value) > LARGEST):
        raise ValueError(f"{place} must be a number")
    return value


def nothing(value: Any, place: str, reading: Reading) -> None:
    """Read what is never stored."""
    if value is not None:
        raise ValueError(f"{place} must be null")


def jobs(value: Any, place: str, reading: Reading) -> Any:
    """Read n_jobs."""
    if type(value) is not int or value == 0 or abs(value) > LARGEST:
        raise ValueError(f"{place} must be null or an integer other than 0")
    return value


def taken(value: Any, place: str, reading: Reading, kinds: str) -> np.ndarray:
    """Return the array of a place, of real numbers of these kinds, and take it off the list."""
    if value != {"#": "array", "name": place} or place not in reading.arrays:
        raise ValueError(f"{place} must be an array of its own, by the name {place}")
    array = reading.arrays.pop(place)
    if array.dtype.kind not in kinds:
        raise ValueError(f"{place} has the dtype {array.dtype}, and real numbers are needed")
    return array


def array(*letters: str, finite: bool = True) -> Reader:
    """Return a reader of a fitted array with these sizes or those, of 32 or 64 bits a number."""
    sizes = {len(some): some for some in letters}

    def read(value: Any, place: str, reading: Reading) -> np.ndarray:
        found = taken(value, place, reading, "f")
        if found.ndim not in sizes or found.dtype.itemsize < 4:
            raise ValueError(
                f"{place} has the shape {found.shape} and the dtype {found.dtype}, and "
                f"{' or '.join(map(str, sizes))} dimensions of float32 or float64 are needed"
            )
        if finite and not (np.isfinite(found).all() and found.size):
            raise ValueError(f"{place} must have finite numbers, one at least")
        reading.sized(place, sizes[found.ndim], found.shape)
        return found

    return read


def atoms(value: Any, place: str, reading: Reading) -> Any:
    """Read atoms (k, d), a parameter or fitted, whose norms are numbers too."""
    fitted = place.startswith("fitted/")
    found = (array("kd") if fitted else matrix)(value, place, reading)
    reading.sized(place, "kd", np.shape(found))
    with np.errstate(over="ignore"):
        if not np.isfinite(np.linalg.norm(np.asarray(found))):
            raise ValueError(f"{place} has atoms whose norms are beyond all floats")
    return found


def matrix(value: Any, place: str, reading: Reading) -> Any:
    """Read a parameter (n, d): an array, or a list of rows, each an array or a list."""
    rows = value if isinstance(value, list) else taken(value, place, reading, "biuf")
    if isinstance(rows, list):
        rows = [_row(row, f"{place}/{i}", reading) for i, row in enumerate(rows)]
        if len({len(row) for row in rows}) > 1:
            raise ValueError(f"{place} has rows of different lengths")
    if np.ndim(rows) != 2 or not np.size(rows) or not np.isfinite(rows).all():
        raise ValueError(f"{place} must be a matrix of finite numbers, one at least")
    return rows


def _row(value: Any, place: str, reading: Reading) -> Any:
    if not isinstance(value, list):
        return taken(value, place, reading, "biuf")
    for i, number in enumerate(value):
        if type(number) not in (bool, int, float) or not math.isfinite(float(number)):
            raise ValueError(f"{place}/{i} must be a finite number")
    return value


def start(value: Any, place: str, reading: Reading) -> Any:
    """Read atoms to start from, or the name of a way to find some."""
    if not isinstance(value, str):
        return matrix(value, place, reading)
    return parameters.choice(value, place, ("svd", "data"))


def name(known: Callable[[], tuple[str, ...]]) -> Reader:
    """Return a reader of one of the names that are known when it reads."""

    def read(value: Any, place: str, reading: Reading) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{place} must be a name")
        return parameters.choice(value, place, known())

    return read


def names(letter: str) -> Reader:
    """Return a reader of the names of features."""

    def read(value: Any, place: str, reading: Reading) -> np.ndarray:
        _tagged(value, "names", place)
        values = value["values"]
        if not all(isinstance(v, str) for v in values):
            raise ValueError(f"{place} must be strings")
        reading.sized(place, letter, (len(values),))
        return np.array(values, dtype=object)

    return read


def record(kind: Any, *readers: Reader) -> Reader:
    """Return a reader of a tuple with names, by one reader for each of its fields."""

    def read(value: Any, place: str, reading: Reading) -> Any:
        _tagged(value, kind.__name__, place)
        if len(value["values"]) != len(readers):
            raise ValueError(f"{place} must have {len(readers)} values")
        each = enumerate(zip(readers, value["values"], strict=True))
        return kind(*(one(v, f"{place}/{i}", reading) for i, (one, v) in each))

    return read


def one_of(**records: Reader) -> Reader:
    """Return a reader of one of several records, by the names of their kinds."""

    def read(value: Any, place: str, reading: Reading) -> Any:
        kind = value.get("#") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in records:
            raise ValueError(f"{place} must be of the kind {' or '.join(records)}")
        return records[kind](value, place, reading)

    return read


def many(read: Reader) -> Reader:
    """Return a reader of a list."""

    def all_of(value: Any, place: str, reading: Reading) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError(f"{place} must be a list")
        return [read(v, f"{place}/{i}", reading) for i, v in enumerate(value)]

    return all_of


def _tagged(value: Any, tag: str, place: str) -> None:
    if not isinstance(value, dict) or set(value) != {"#", "values"} or value["#"] != tag:
        raise ValueError(f"{place} must be of the kind {tag}")
    if not isinstance(value["values"], list):
        raise ValueError(f"{place}/values must be a list")
