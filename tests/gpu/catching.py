"""What the tables of catches share: a row a bug, a column a layer, and the command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.marked import put

README = Path(__file__).parent / "README.md"


def table(layers: Iterable[str], bugs: Iterable[str], caught: Callable[[str, str], str]) -> str:
    """Return the Markdown table of what each layer makes of each bug."""
    layers = list(layers)
    lines = [f"| bug | {' | '.join(layers)} |", "|---" * (len(layers) + 1) + "|"]
    lines += [f"| {bug} | {' | '.join(caught(layer, bug) for layer in layers)} |" for bug in bugs]
    return "\n".join(lines)


def main(
    about: str | None, begin: str, end: str, made: Callable[[], str], argv: list[str] | None = None
) -> None:
    """Print the table, or write it between the marks of the README."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    if parser.parse_args(argv).write:
        put(README, begin, end, made())
    else:
        print(made())  # noqa: T201
