"""The file that a run of learning is kept in: what was asked for, and what is in it.

It is whole at any moment (`_writing`), sealed with a checksum and free of pickle (`arrays.files`).
A file of other data or of a run with other parameters is told by a sentence, and stays as it is.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any, NamedTuple

import numpy as np

from gpudict._version import __version__
from gpudict._writing import check_place
from gpudict.arrays import generators, parameters
from gpudict.arrays.door import Array, array_namespace, asarray_like, from_host, on_host, to_host
from gpudict.arrays.files import WRONG, Arrays, contents, once, write
from gpudict.coding.alpha.target import TARGETS
from gpudict.learning.records import Progress

FORMAT = 1
MOST = 2**53  # of a count
LIMIT = "max_iter"  # a fact of which more may be asked for later
EVERY = 60.0  # seconds between two writes
ADVICE = "Pass the checkpoint that the same call wrote, or resume=False: it is replaced then."
DIGEST = 64  # digits of what stands for an array among the facts
Record = tuple[dict[str, Any], Arrays]  # values as JSON holds them, and arrays


class Checkpoint(NamedTuple):
    """What was asked for: the file, seconds between two writes, whether to go on from it.

    `seed` is the random_state as the user gave it, where the learner gets a generator made of it.
    """

    path: str
    every: float
    resume: bool
    seed: Any = None

    @classmethod
    def of(cls, path: Any, every: Any, resume: Any, seed: Any = None) -> Checkpoint | None:
        """Check that a file can be written there; None where none was asked for."""
        every = parameters.number(every, "checkpoint_every")
        if path is None:
            if resume:
                raise ValueError(
                    "resume=True came without a checkpoint to go on from. Pass its path as "
                    "checkpoint, or leave resume out."
                )
            return None
        if not isinstance(path, str | bytes | os.PathLike):
            raise TypeError(
                f"checkpoint must be a path, but a {type(path).__name__} came. Pass the name of a "
                "file, as a str or a Path."
            )
        path = os.fsdecode(path)
        if os.path.isdir(path):
            raise ValueError(f"{path} is a folder, and a checkpoint is a file. Pass a name in it.")
        check_place(path)
        return cls(path, every, bool(resume), seed)


class Stored:
    """What a checkpoint holds, and its arrays by name, in the shapes that they must have."""

    def __init__(
        self, path: str, values: dict[str, Any], arrays: Arrays, *, longer: bool = False
    ) -> None:
        self.path, self.values, self.arrays, self.longer = path, values, arrays, longer

    def __getitem__(self, name: str) -> Any:
        if name not in self.values:
            raise self.odd(name)
        return self.values[name]

    @property
    def ended(self) -> bool:
        """Whether the run is over: it was stopped, or came as far as it still may go."""
        return self["ended"] is True and (self["stopped"] is True or not self.longer)

    def odd(self, name: str) -> ValueError:
        """Return the error that something is not what a learner wrote."""
        return ValueError(f"{self.path} is a checkpoint without a proper {name}. {ADVICE}")

    def generator(self, name: str) -> Any:
        """Return a random generator that is where it was."""
        try:
            return generators.restored(self[name], name)
        except WRONG as error:
            raise self.odd(name) from error

    def array(
        self, name: str, shape: tuple[int | None, ...], dtype: Any = None, *, finite: bool = True
    ) -> np.ndarray:
        """Return a copy of an array as it lay in memory, by rows or by columns."""
        turned = name in self["turned"]
        found = self.arrays.get(name)
        want = shape[::-1] if turned else shape
        if found is None or found.ndim != len(want) or (dtype or found.dtype) != found.dtype:
            raise self.odd(name)
        if any(w not in (None, size) for w, size in zip(want, found.shape, strict=True)):
            raise self.odd(name)
        if finite and not np.all(np.isfinite(found)):
            raise self.odd(name)
        made = np.array(found, order="C")
        return made.T if turned else made

    def numbers(self, name: str, like: dict[str, Any]) -> dict[str, Any]:
        """Return an object that has these names, and numbers of these types; a count is one."""
        found = self[name]
        kinds = {key: type(value) for key, value in like.items()}
        if not isinstance(found, dict) or {k: type(v) for k, v in found.items()} != kinds:
            raise self.odd(name)
        if any(type(v) is int and not 0 <= v <= MOST for v in found.values()):
            raise self.odd(name)
        return found

    def alpha(self, aim: Any) -> float | None:
        """Return the alpha that was found for an aim, if there was one."""
        found = None if aim is None else self["alpha"]
        if aim is not None and (type(found) is not float or not 0 < found < math.inf):
            raise self.odd("alpha")
        return found

    def history(self) -> list[Progress]:
        """Return the record of each step."""
        rows = self.array("history", (None, 5), np.dtype(np.float64), finite=False)
        if not len(rows) or not np.all(np.isfinite(rows[:, [0, 3]])):
            raise self.odd("history")
        each = rows.tolist()
        return [Progress(int(i), cost, gap, int(unused), s) for i, cost, gap, unused, s in each]


def packed(values: dict[str, Any], arrays: dict[str, Array], history: list[Progress]) -> Record:
    """Return what a checkpoint is to hold; an array that lies by columns is kept so."""
    hosts = {name: to_host(a) for name, a in arrays.items()}
    turned = [n for n, a in hosts.items() if a.flags.f_contiguous and not a.flags.c_contiguous]
    parts = {n: np.ascontiguousarray(a.T if n in turned else a) for n, a in hosts.items()}
    parts["history"] = np.array(history, np.float64).reshape(len(history), 5)
    return values | {"turned": turned}, parts


def placed(a: np.ndarray, like: Array) -> Array:
    """Return an array of a checkpoint in the library of another, and where that is."""
    if on_host(like):
        return from_host(a, like)
    return asarray_like(a, like, getattr(array_namespace(like), str(a.dtype)))


def host_dtype(dtype: Any) -> np.dtype[Any]:
    """Return NumPy's dtype of the name that another library's has."""
    return np.dtype(str(dtype).rpartition(".")[2])


def write_record(path: str, facts: dict[str, Any], record: Record, **more: Any) -> None:
    """Write a checkpoint of a run with these facts.

    Raises
    ------
    OSError
        The file can't be written; what was there before is as it was.
    """
    values, arrays = record
    text = {"format": FORMAT, "version": __version__, "facts": facts, "checkpoint": values | more}
    write(path, json.dumps(text), arrays)


def opened(path: str, facts: dict[str, Any]) -> Stored:
    """Return what a checkpoint of a run with these facts holds.

    Raises
    ------
    ValueError
        The file is none, is damaged, or is one of another run or format.
    """
    arrays, text, sealed = contents(path, ADVICE)
    try:
        found = json.loads(text, object_pairs_hook=once)
    except (RecursionError, *WRONG):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("checkpoint"), dict):
        raise ValueError(f"{path} is a safetensors file, but no checkpoint of gpudict. {ADVICE}")
    if found.get("format") != FORMAT:
        raise ValueError(
            f"{path} is a checkpoint of the format {str(found.get('format'))[:20]}, written by "
            f"gpudict {str(found.get('version'))[:20]}, and this is gpudict {__version__}, which "
            f"reads {FORMAT}. Go on with the gpudict that wrote it, or pass resume=False."
        )
    turned = found["checkpoint"].get("turned")
    if not sealed or not isinstance(turned, list) or not isinstance(found.get("facts"), dict):
        raise ValueError(f"{path} is damaged: it has no checksum, or no parameters. {ADVICE}")
    then, longer = found["facts"], _longer(found["facts"], facts)
    for name, now in facts.items():
        if then.get(name) != now and not (longer and name == LIMIT):
            raise ValueError(_other(path, name, then.get(name), now))
    return Stored(path, found["checkpoint"], arrays, longer=longer)


def _longer(then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether more iterations are asked for than were then, which is the same run, and more of it.

    With a target it is another: alpha follows the atoms in a share of them.
    """
    most, aimed = then.get(LIMIT), any(now.get(name) is not None for name in TARGETS)
    return type(most) is int and not aimed and now[LIMIT] > most


def _other(path: str, name: str, then: Any, now: Any) -> str:
    """Return the sentence that a parameter or the data are others than they were."""
    digest = any(isinstance(v, str) and len(v) == DIGEST for v in (then, now))
    what = "had other values then" if digest else f"was {then!r} then, and {now!r} came now"
    return f"{path} is a checkpoint of another run: {name} {what}. {ADVICE}"
