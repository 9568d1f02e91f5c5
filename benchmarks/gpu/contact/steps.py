"""The steps, the most valuable first, and what is asked of them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.gpu.devices import Absent, find

TOTAL = 720  # seconds of all steps together, at most


class Asked(NamedTuple):
    """On what to run, and the most rows and atoms of a problem.

    Attributes
    ----------
    library : torch or cupy
    rehearsal : whether stand-ins take the place of the card
    dtypes : where a step has more than one
    """

    library: str
    rehearsal: bool = False
    rows: int = 50_000
    atoms: int = 50_000
    dtypes: tuple[str, ...] = ("float32", "float64")

    def rows_of(self, *sizes: int) -> tuple[int, ...]:
        """Return the numbers of rows that are asked for, none of them twice."""
        return tuple(dict.fromkeys(min(n, self.rows) for n in sizes))

    def atoms_of(self, *sizes: int) -> tuple[int, ...]:
        """Return the numbers of atoms that are asked for, none of them twice."""
        return tuple(dict.fromkeys(min(k, self.atoms) for k in sizes))


class Step(NamedTuple):
    """A step: its name, its limit in seconds, and the module and options that it is made of."""

    name: str
    limit: int
    module: str
    options: Mapping[str, Any] = MappingProxyType({})

    def found(self, asked: Asked) -> Iterator[dict[str, Any]]:
        """Yield what it finds."""
        module = importlib.import_module(f"benchmarks.gpu.contact.{self.module}")
        yield from module.found(asked, **self.options)


STEPS = (
    Step("versions", 35, "versions"),
    Step("sizes, float32", 85, "sizes", {"dtype": "float32"}),
    Step("sizes, float64", 85, "sizes", {"dtype": "float64"}),
    Step("circumstances", 70, "circumstances"),
    Step("times", 60, "times"),
    Step("launches and memory", 60, "counted"),
    Step("kernels, sanitized", 95, "kernels"),
    Step("tests, torch", 50, "tests", {"row": "torch-cuda"}),
    Step("tests, CuPy", 40, "tests", {"row": "cupy"}),
    Step("published pursuits", 50, "pursuits"),
    Step("FISTA", 60, "fista"),
)
NAMES = tuple(step.name for step in STEPS)


def named(name: str) -> Step:
    """Return the step of that name."""
    return STEPS[NAMES.index(name)]


@contextlib.contextmanager
def there(asked: Asked) -> Iterator[tuple[Any, Any]]:
    """Provide the device and its instruments, or what stands for both.

    Raises
    ------
    Absent
        It is not there; the sentence says what is missing.
    """
    if asked.rehearsal:
        from benchmarks.gpu.contact import rehearsal

        with rehearsal.there() as found:
            yield found
        return
    from benchmarks.gpu.contact import instruments

    yield find(asked.library, "cuda"), instruments.of(asked.library)


def tried(what: str, call: Callable[[], dict[str, Any]], *, ours: bool = True) -> dict[str, Any]:
    """Return what a call finds; what it raises becomes a sentence, and others go on.

    What is not ours is not wrong where it fails: it could not be compared with.
    """
    try:
        return {"what": what, **call()}
    except Absent as why:
        return {"what": what, "could_not": str(why)}
    except Exception as error:  # of a driver, a compiler, a library: each fails in its own way
        said = (str(error).strip().splitlines() or [""])[0]
        name = "raised" if ours else "could_not"
        return {"what": what, name: f"{type(error).__name__}: {said[:300]}"}
