"""The rows of a stream, coded batch by batch as they are read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gpudict.arrays import check, per_row
from gpudict.arrays.door import Array, asarray_like, csr, is_array, is_numpy, to_host
from gpudict.arrays.growing import growing
from gpudict.arrays.plain import is_one, plain
from gpudict.arrays.rows import Rows
from gpudict.arrays.saying import say
from gpudict.arrays.sources.stream import Stream
from gpudict.arrays.sources.table import EMPTY
from gpudict.coding.asked import Asked, coded
from gpudict.coding.on_device import joined
from gpudict.solvers.records import Solution

Writer = Callable[[slice, Any], None]  # of the codes of rows
NUMBERS = 2**22  # of a batch, or of its codes if they were dense: many rows, and little memory


def in_parts(
    X: Array | Stream, V: Array, alpha: Any, init: Any, asked: Asked, out: Any
) -> tuple[Solution, list[float | None]]:
    """Return the solution of all rows, and from where on those of each batch are zero, if they are.

    Atoms of NumPy's follow the batches. What is `out` gets the codes in place of the solution,
    which has it.
    """
    X = X if isinstance(X, Stream) else check.matrix(X, "X", finite=False)
    V = plain(V, "V")
    out = Path(os.fsdecode(out)) if isinstance(out, str | bytes | os.PathLike) else out
    k, n, tops = V.shape[0], None if X.shape is None else int(X.shape[0]), []
    kinds: set[str] = set()
    each = _lengths(alpha, init, asked)
    if n is not None:
        per_row.as_many(each, n)

    def parts(write: Writer | None) -> Iterator[tuple[slice, Solution]]:
        at = 0
        for rows in batches(X, max(1, NUMBERS // max(V.shape))):
            here = slice(at, at + rows.shape[0])
            per_row.as_many(each, here.stop, more=True)
            atoms = asarray_like(V, rows) if is_numpy(V) and not is_numpy(rows) else V
            some = asked._replace(penalty=asked.penalty and asked.penalty.of_rows(here))
            if isinstance(out, Path) and csr(rows) is not None:
                some = some._replace(sparse_output=True)
            one = coded(rows, atoms, _at(alpha, here), _at(init, here), some)
            at, found = here.stop, one.found
            kinds.add(str((found.Z.values if isinstance(found.Z, Rows) else found.Z).dtype))
            if len(kinds) > 1:
                raise TypeError(
                    f"X has batches of {' and '.join(sorted(kinds))}, and one dtype is needed. "
                    "Convert them to one."
                )
            tops.append(one.top)
            if write is not None:
                write(here, found.Z)
                found = found._replace(Z=Rows.blank(rows.shape[0]))
            yield here, found
        per_row.as_many(each, at)

    with _writer(out, n, asked, X=X, V=V, init=init) as write:
        made = parts(write)
        found = _together(made, k) if n is None else joined(made, (n, k))
    return (found if out is None else found._replace(Z=out)), tops


def batches(X: Array | Stream, size: int) -> Iterator[Array]:
    """Return the batches of a stream, or so many rows of an array at a time."""
    if isinstance(X, Stream):
        return (rows for _, rows in X.batches(size))
    n = X.shape[0]
    return (X[low : min(low + size, n), ...] for low in range(0, n, size))


def _together(parts: Iterable[tuple[slice, Solution]], k: int) -> Solution:
    """Return the solution of batches of which the number was not known."""
    parts = list(parts)
    if not parts:
        raise ValueError(EMPTY)
    return joined(parts, (parts[-1][0].stop, k))


@contextmanager
def _writer(out: Any, n: int | None, asked: Asked, **read: Any) -> Iterator[Writer | None]:
    """Give what writes codes of rows where they shall be, if that is not the solution."""
    k = read["V"].shape[0]
    if out is None:
        yield None
    elif isinstance(out, Path):
        with growing(out, k) as add:
            yield lambda here, Z: add(_on_host(Z))
    else:
        _fits(out, n, k, asked)
        _apart(out, **read)
        _room(out)
        yield partial(_write, out)
        if hasattr(out, "flush") and not isinstance(out, np.ndarray):
            out.flush()  # h5py writes some of it then, or finds the disk full


def _on_host(Z: Array | Rows) -> Rows:
    """Return codes as rows on the host, dense ones of libraries that have no others."""
    return Rows(*map(to_host, Z)) if isinstance(Z, Rows) else Rows.of(to_host(Z))


def _fits(out: Any, n: int | None, k: int, asked: Asked) -> None:
    """Raise if codes can't be written into out: nothing else is known of it then."""
    if asked.sparse_output:
        raise ValueError(
            "sparse_output=True came with out, and codes are written into out as dense rows. "
            "Pass one of the two."
        )
    got, rows, what = getattr(out, "shape", None), "any" if n is None else n, type(out).__name__
    fits = hasattr(out, "__setitem__") and got is not None and tuple(got[1:]) == (k,)
    if got is None or not fits or n not in (None, got[0]):
        what = what if got is None else f"{what} of the shape {tuple(got)}"
        raise ValueError(
            f"out is a {what}, and one of ({rows}, {k}) into which slices of rows are written is "
            "needed: a row for each of X, a column for each atom. Pass such an array."
        )
    dtype = getattr(out, "dtype", None)
    if getattr(dtype, "kind", "f") not in "fcO" or (is_array(out) and not is_numpy(out)):
        raise TypeError(
            f"out is a {what} of {dtype}, and codes come as floats of NumPy's. Pass one on the "
            "host, of float32 or float64: others would cut them."
        )
    if not getattr(getattr(out, "flags", None), "writeable", True):
        raise ValueError(
            f"out is a {what} that can't be written to. Open it for writing, a map with mode 'r+'."
        )


def _apart(out: Any, **given: Any) -> None:
    """Raise if out is in the memory of what is still read after the first codes are written."""
    for name, a in given.items():
        if isinstance(out, np.ndarray) and isinstance(a, np.ndarray) and np.shares_memory(out, a):
            raise ValueError(
                f"out shares its memory with {name}, which is read while codes are written. Pass "
                "another array."
            )


def _room(out: Any) -> None:
    """Warn if the disk has no room for a map: a write to it would end the process."""
    if not isinstance(out, np.memmap) or out.filename is None or os.name != "posix":
        return
    file, free = os.stat(out.filename), shutil.disk_usage(out.filename).free
    lacking = file.st_size - 512 * file.st_blocks - free
    if lacking > 0:
        say(
            f"The disk of {out.filename} has {lacking:,} bytes too few for all codes, and a write "
            "to a map ends the process when it is full (SIGBUS). Make room for it."
        )


def _write(out: Any, here: slice, codes: Array) -> None:
    """Write the codes of some rows into out."""
    if here.stop > out.shape[0]:
        raise ValueError(
            f"out has {out.shape[0]} rows, and X has {here.stop} or more. Pass one with a row for "
            "each of X; those that are there are written."
        )
    out[here] = to_host(codes)


def _lengths(alpha: Any, init: Any, asked: Asked) -> dict[str, int]:
    """Return for how many rows there is something, of what may be of each."""
    each = per_row.lengths(alpha=alpha, init=init)
    rows = None if asked.penalty is None else asked.penalty.rows
    return each if rows is None else each | {"penalty": rows}


def _at(value: Any, here: slice) -> Any:
    """Return the rows of what there is for each row, if there is."""
    return value if value is None or is_one(value) else value[here]
