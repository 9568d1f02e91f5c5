"""Tables of .csv files, which are read as a whole.

The first line has names, unless all of it are numbers. A first column without a name is the index
of a frame, and no data.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from gpudict.arrays.sources import sliced
from gpudict.arrays.sources.named import unread
from gpudict.arrays.sources.table import Table


def table(path: Path, _: str | None) -> Table:
    """Return the rows of a file whose columns are numbers."""
    from pyarrow import csv as reader
    from pyarrow import types

    with open(path, newline="", encoding="utf-8-sig") as file:
        first = next(csv.reader(file), [])
    names = [] if all(map(_is_number, first)) else first
    options = reader.ReadOptions(autogenerate_column_names=not names)
    read = reader.read_csv(path, read_options=options)
    columns = read.columns[1:] if names and not names[0] else read.columns
    for name, column in zip(read.column_names[-len(columns) :], columns, strict=True):
        if column.null_count:
            raise ValueError(
                f"{path} has {column.null_count} missing values in the column {name}, and every "
                "value must be finite. Remove or impute such entries first."
            )
        if not any(kind(column.type) for kind in (types.is_integer, types.is_floating)):
            raise unread(path, f"{column.type} in the column {name}")
    rows = np.stack([np.asarray(column) for column in columns], axis=1)
    return sliced.table(rows)._replace(name=str(path))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
