"""The file of statistics: their fields as arrays, sealed with a checksum."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gpudict._version import __version__
from gpudict.arrays.files import contents, write

FORMAT = 1
ADVICE = "Pass a file that Statistics.save wrote."
SHAPES = {"gram": "kk", "cov": "dk", "squares": "d", "uses": "k"}  # all others are numbers
NUMBERS = ("rows", "total", "cost", "gap", "missed")


def write_sums(path: Any, fields: dict[str, Any]) -> None:
    """Write the fields of statistics."""
    text = json.dumps({"format": FORMAT, "version": __version__, "holds": "statistics"})
    write(path, text, {name: np.ascontiguousarray(value) for name, value in fields.items()})


def read_sums(path: Any) -> dict[str, Any]:
    """Return the fields of statistics, whose shapes fit each other."""
    arrays, text, sealed = contents(path, ADVICE)
    head = json.loads(text) if text.startswith("{") else {}
    if not sealed or head.get("holds") != "statistics":
        raise ValueError(f"{path} is a safetensors file, but has no statistics. {ADVICE}")
    if head.get("format") != FORMAT:
        raise ValueError(
            f"{path} has statistics of the format {head.get('format')}, and this is gpudict "
            f"{__version__}, which reads {FORMAT}. Install the one that wrote it."
        )
    sizes = dict(zip("dk", arrays["cov"].shape, strict=True))
    for name, letters in SHAPES.items():
        if arrays[name].shape != tuple(sizes[letter] for letter in letters):
            raise ValueError(f"{path} has statistics whose shapes don't fit each other. {ADVICE}")
    return {name: arrays[name] for name in SHAPES} | {n: arrays[n].item() for n in NUMBERS}
