"""`python -m benchmarks.gpu`: the whole race, or with --first-contact the steps of `contact`."""

from __future__ import annotations

import importlib
import sys

FIRST = "--first-contact"


def main(argv: list[str]) -> int:
    """Run one of the two."""
    rest = [word for word in argv if word != FIRST]
    name = "benchmarks.gpu.contact.command" if rest != argv else "benchmarks.gpu.whole"
    status: int = importlib.import_module(name).main(rest)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
