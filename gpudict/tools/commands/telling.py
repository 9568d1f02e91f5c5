"""What was found, for people and for programs, on standard output."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from gpudict.tools.streams import said


def show(rows: Iterable[Sequence[str]]) -> None:
    """Write texts in columns: rich's on a terminal, else a line a row."""
    rows = list(rows)
    with said():
        if sys.stdout.isatty() and importlib.util.find_spec("rich"):
            from rich.console import Console
            from rich.table import Table

            table = Table.grid(padding=(0, 2))
            for row in rows:
                table.add_row(*row)
            Console(highlight=False, markup=False).print(table)
        else:
            wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
            for *cells, last in rows:
                padded = (f"{cell:{width}}" for cell, width in zip(cells, wide, strict=False))
                sys.stdout.write("  ".join([*padded, last]) + "\n")


def tell(facts: dict[str, Any], *, as_json: bool) -> None:
    """Write what was found: names and values a line each, or JSON for programs.

    What is None there is not: programs get null, and people no line.
    """
    if as_json:
        write_json(facts)
    else:
        there = {name: value for name, value in facts.items() if value is not None}
        show((name.replace("_", " "), text_of(value)) for name, value in there.items())


def text_of(value: Any) -> str:
    """Return a value for people: a number in four digits, a count with commas."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if type(value) is int else str(value)


def write_json(value: Any) -> None:
    """Write a value as JSON; what is no finite number is null."""
    with said():
        sys.stdout.write(json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
