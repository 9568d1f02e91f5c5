"""What a report is made of. A fact keeps its value beside its words, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gpudict.tools.report.figures import Picture


class Fact(NamedTuple):
    """A name, a value, how it is written, and whether it stands at the head of the page."""

    name: str
    value: float | str
    shown: str
    first: bool = False

    @classmethod
    def word(cls, name: str, value: str) -> Fact:
        """Return what is no number."""
        return cls(name, value, value)

    @classmethod
    def number(cls, name: str, value: int, *, first: bool = False) -> Fact:
        """Return how many there are of something."""
        return cls(name, int(value), f"{value:,}", first)

    @classmethod
    def real(cls, name: str, value: float, unit: str = "", *, first: bool = False) -> Fact:
        """Return a real number."""
        return cls(name, float(value), f"{value:.4g}{unit}", first)

    @classmethod
    def small(cls, name: str, value: float, *, first: bool = False) -> Fact:
        """Return a real number that is far below 1."""
        return cls(name, float(value), f"{value:.1e}" if value else "0", first)

    @classmethod
    def share(cls, name: str, value: float, *, first: bool = False) -> Fact:
        """Return a part of a whole; what is not all of it is not written as 100 %."""
        shown = 100.0 if value == 1 else min(100 * value, 99.99)
        return cls(name, float(value), f"{shown:.2f} %", first)


class Section(NamedTuple):
    """A part of the page; of a table the first row is the head."""

    title: str
    facts: Sequence[Fact]
    pictures: Sequence[Picture] = ()
    table: Sequence[Sequence[Any]] = ()
