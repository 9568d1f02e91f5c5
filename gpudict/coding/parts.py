"""The rows of a stream, coded batch by batch as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gpudict.arrays.door import Array, asarray_like, is_numpy, to_host
from gpudict.arrays.plain import is_one, plain
from gpudict.arrays.rows import Rows
from gpudict.arrays.sources.stream import Stream
from gpudict.arrays.sources.table import EMPTY
from gpudict.coding.asked import Asked, coded
from gpudict.coding.on_device import joined
from gpudict.solvers.records import Solution

NUMBERS = 2**22  # of a batch, or of its codes if they were dense: many rows, and little memory


def in_parts(
    X: Stream, V: Array, alpha: Any, init: Any, asked: Asked, out: Any
) -> tuple[Solution, list[float | None]]:
    """Return the solution of all rows, and from where on those of each batch are zero, if they are.

    Atoms of NumPy's follow the batches. What is `out` gets the codes in place of the solution,
    which has it.
    """
    V = plain(V, "V")
    k, tops = V.shape[0], []
    if out is not None:
        _fits(out, X, k, asked)

    def parts() -> Iterator[tuple[slice, Solution]]:
        at = 0
        for _, rows in X.batches(max(1, NUMBERS // max(V.shape))):
            here = slice(at, at + rows.shape[0])
            atoms = asarray_like(V, rows) if is_numpy(V) and not is_numpy(rows) else V
            one = coded(rows, atoms, _at(alpha, here), _at(init, here), asked)
            at, found = here.stop, one.found
            tops.append(one.top)
            if out is not None:
                out[here.start : here.stop] = to_host(found.Z)
                found = found._replace(Z=Rows.blank(rows.shape[0]))
            yield here, found

    made = parts()
    found = _together(made, k) if X.shape is None else joined(made, (X.shape[0], k))
    return (found if out is None else found._replace(Z=out)), tops


def _together(parts: Iterable[tuple[slice, Solution]], k: int) -> Solution:
    """Return the solution of batches of which the number was not known."""
    parts = list(parts)
    if not parts:
        raise ValueError(EMPTY)
    return joined(parts, (parts[-1][0].stop, k))


def _fits(out: Any, X: Stream, k: int, asked: Asked) -> None:
    """Raise if codes can't be written into out."""
    if asked.sparse_output:
        raise ValueError(
            "sparse_output=True came with out, and codes are written into out as dense rows. "
            "Pass one of the two."
        )
    got, rows = getattr(out, "shape", None), "any" if X.shape is None else X.shape[0]
    if not hasattr(out, "__setitem__") or got is None or got[1:] != (k,):
        fits = False
    else:
        fits = X.shape is None or got[0] == X.shape[0]
    if not fits:
        what = type(out).__name__ if got is None else f"{type(out).__name__} of the shape {got}"
        raise ValueError(
            f"out is a {what}, and one of ({rows}, {k}) into which slices of rows are written is "
            "needed: a row for each of X, a column for each atom. Pass such an array."
        )


def _at(value: Any, here: slice) -> Any:
    """Return the rows of what there is for each row, if there is."""
    return value if value is None or is_one(value) else value[here]
