"""What pictures read: the atoms of a model, and what its codes come to, batch by batch.

Codes are looked at in compressed rows on the host, a batch at a time. So a sparse matrix stays one,
and of codes on a disk no more than a batch is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.door import Array, csr, is_array, no_graph, to_host
from gpudict.arrays.plain import array_like, reals
from gpudict.arrays.rows import Rows
from gpudict.arrays.sources.stream import as_stream, is_source


def atoms_of(given: Any) -> np.ndarray:
    """Return the atoms (k, d) of an array, an estimator or what learning returned, in float64.

    Raises
    ------
    TypeError, ValueError
        There are none.
    """
    return to_host(check.matrix(array_of(given), "V")).astype(np.float64)


def array_of(given: Any) -> Array:
    """Return the array of the atoms, unchecked, where it is."""
    names = ("components_", "dictionary_", "dictionary")
    found = next((getattr(given, one) for one in names if hasattr(given, one)), given)
    if found is given and hasattr(given, "fit"):
        raise ValueError(f"This {type(given).__name__} has no atoms yet. Call fit first.")
    return array_like(found, "V")


def codes_of(given: Any) -> Any:
    """Return the codes of what `encode` or `learn` returned, or what are codes already.

    Raises
    ------
    TypeError
        There are none.
    """
    found = getattr(given, "Z", getattr(given, "code", given))
    if found is None or hasattr(given, "fit"):
        raise TypeError(
            f"This {type(given).__name__} holds no codes. Pass codes (n, k): what its transform, "
            "or gpudict.encode with its atoms, returns of your data."
        )
    return found


def use_of(given: Any) -> np.ndarray | None:
    """Return the energy ‖U_k‖² of each atom's codes (k,), where a model remembers it."""
    past = getattr(given, "past_", getattr(given, "past", None))
    if past is not None and past.long.gram is not None:
        gram = to_host(past.long.gram)
        return np.asarray(gram if gram.ndim == 1 else np.diagonal(gram), np.float64)
    code = None if hasattr(given, "fit") else getattr(given, "code", None)
    return None if code is None else Tally.of(code).energy


class Tally(NamedTuple):
    """What codes (n, k) come to.

    Attributes
    ----------
    nonzeros : (n,), of each row
    rows : (k,), how many rows use each atom
    energy : (k,), the sum of the squares of each atom's codes
    """

    nonzeros: np.ndarray
    rows: np.ndarray
    energy: np.ndarray

    @classmethod
    def of(cls, code: Any) -> Self:
        """Return the tally of codes of any kind."""
        return cls.joined(cls._of(rows, k) for rows, k in compressed(code))

    @classmethod
    def _of(cls, part: Rows, k: int) -> Self:
        n, there = len(part.ends) - 1, part.values != 0
        of = np.repeat(np.arange(n), np.diff(part.ends))[there]
        columns, squares = part.columns[there], part.values[there].astype(np.float64) ** 2
        used = np.bincount(columns, minlength=k)
        return cls(np.bincount(of, minlength=n), used, np.bincount(columns, squares, minlength=k))

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Return the tally of all rows of several."""
        nonzeros, rows, energy = zip(*parts, strict=True)
        return cls(np.concatenate(nonzeros), np.sum(rows, axis=0), np.sum(energy, axis=0))

    @property
    def most_used(self) -> np.ndarray:
        """The atoms (k,), those of most energy first."""
        return np.argsort(-self.energy, kind="stable")


def compressed(code: Any) -> Iterator[tuple[Rows, int]]:
    """Yield batches of codes in compressed rows on the host, and how many atoms k they have.

    Raises
    ------
    ValueError
        They are not finite.
    """
    for batch in batches(codes_of(code)):
        sparse = csr(batch)
        if sparse is None:
            batch = to_host(batch)
            sparse = csr(batch)
        assert sparse is not None
        rows = Rows(*(to_host(part) for part in sparse.parts(batch)))
        if not np.isfinite(rows.values).all():
            raise ValueError("The codes have NaN or infinity in them. Pass finite codes.")
        yield rows, int(batch.shape[1])


def columns_of(code: Any, which: np.ndarray) -> np.ndarray:
    """Return the codes (n, m) of some atoms as a dense array of the host."""
    each, back = np.unique(which, return_inverse=True)
    parts = []
    for rows, k in compressed(code):
        place = np.full(k, len(each))  # one column more, for all other atoms
        place[each] = np.arange(len(each))
        few = rows._replace(columns=place[rows.columns])
        parts.append(few.dense(len(each) + 1)[:, back])
    return np.concatenate(parts)


def batches(x: Any, size: int | None = None) -> Iterator[Any]:
    """Yield the rows of what has rows: arrays, sparse matrices, streams, chunks; `size` at most.

    Of an array, dense or one of PyTorch that is sparse, all at once unless a size is given.
    """
    if is_chunked(x):
        for low, high in pairwise(np.cumsum([0, *chunked(x).sizes])):
            yield from batches(np.asarray(x[low:high]), size)
        return
    x = x.get() if hasattr(x, "tocsr") and hasattr(x, "get") else x  # CuPy's, to SciPy's
    if is_source(x):
        yield from (rows for _, rows in as_stream(x).batches(size))
        return
    x = no_graph(x) if is_array(x) else array_like(x, "code")
    if x.ndim != 2:
        raise ValueError(f"An array of shape {tuple(x.shape)} came, and (n, k) is needed.")
    step = max(1, x.shape[0] if size is None else size)
    for low in range(0, max(1, x.shape[0]), step):
        yield x if step >= x.shape[0] else x[low : low + step, :]


def numbers(given: Any, name: str, count: int | None, what: str) -> np.ndarray:
    """Return a finite number for each of so many things, (count,), from 1 on if None."""
    found = reals(given, name)
    if found.ndim != 1 or found.size != (count or max(1, found.size)):
        raise ValueError(
            f"{name} has the shape {found.shape}. Pass a number for each of the {count or ''} "
            f"{what}.".replace("  ", " ")
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{name} has NaN or infinity in it. Pass finite numbers.")
    return found
