"""What a model makes of data: one walk over the rows, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from gpudict.arrays.door import to_host
from gpudict.arrays.plain import array_like
from gpudict.coding.plan import TOLERANCE
from gpudict.tools.plotting.reading import Tally, array_of, batches

NUMBERS = 2**23  # of the codes or the data that are in memory


class Judged(NamedTuple):
    """What a model makes of data X (n, d), with its approximation X̂ of them.

    Attributes
    ----------
    n : the rows
    total : Σ‖x − mean‖², the variance times n
    energy : ½Σ‖x‖²
    error : Σ‖x − x̂‖²
    tally : of the codes; None of a model whose codes are no sparse ones
    gap : (n,), of each row's code, or None where there is no certificate
    relative : (n,), the same in units of ½‖x‖²
    tol : what a relative gap was asked to reach
    """

    n: int
    total: float
    energy: float
    error: float
    tally: Tally | None
    gap: np.ndarray | None
    relative: np.ndarray | None
    tol: float

    @classmethod
    def of(cls, model: Any, X: Any) -> Self:
        """Return what a fitted estimator makes of X: an array, a frame, or what `stream` takes.

        Raises
        ------
        ValueError
            X has no rows.
        """
        parts = [_Part.of(model, rows) for rows in _rows(X, model)]
        if not parts:
            raise ValueError("X has no rows. Pass the data that the report shall speak of.")
        sizes = np.array([part.n for part in parts])
        means = np.array([part.mean for part in parts])
        apart = np.sum((means - np.average(means, axis=0, weights=sizes)) ** 2, axis=1)
        sq = np.concatenate([part.sq for part in parts])
        tallies = [part.tally for part in parts if part.tally is not None]
        gaps = [part.gap for part in parts if part.gap is not None]
        gap = np.concatenate(gaps) if gaps else None
        if gap is not None and not np.isfinite(gap).all():  # of a pursuit
            gap = None
        return cls(
            n=int(sizes.sum()),
            total=float(sum(part.spread for part in parts) + sizes @ apart),
            energy=0.5 * float(sq.sum()),
            error=float(sum(part.error for part in parts)),
            tally=Tally.joined(tallies) if tallies else None,
            gap=gap,
            relative=None if gap is None else gap / np.where(sq > 0, 0.5 * sq, 1.0),
            tol=TOLERANCE.get(parts[0].dtype, 0.0),
        )

    @property
    def explained(self) -> float | None:
        """The share of the variance that is explained; None where the rows are all the same."""
        return 1 - self.error / self.total if self.total > 0 else None

    @property
    def converged(self) -> float | None:
        """The share of rows whose gap reached what was asked; None without a certificate."""
        return None if self.relative is None else float(np.mean(self.relative <= self.tol))


class _Part(NamedTuple):
    """What a model makes of a batch."""

    n: int
    mean: np.ndarray
    spread: float
    sq: np.ndarray
    error: float
    tally: Tally | None
    gap: np.ndarray | None
    dtype: str

    @classmethod
    def of(cls, model: Any, rows: Any) -> Self:
        sparse = hasattr(model, "transform_algorithm")
        found = model.transform(rows, return_gap=True) if sparse else (model.transform(rows), None)
        code, gap = array_like(found[0], "code"), found[1]
        X = to_host(array_like(rows, "X")).astype(np.float64)
        mean = X.mean(axis=0)
        error = np.sum((X - to_host(model.inverse_transform(code))) ** 2)
        return cls(
            n=X.shape[0],
            mean=mean,
            spread=float(np.sum((X - mean) ** 2)),
            sq=np.sum(X**2, axis=1),
            error=float(error),
            tally=Tally.of(_whole(model, code)) if sparse else None,
            gap=None if gap is None else to_host(gap).astype(np.float64),
            dtype=str(code.dtype).rpartition(".")[2],
        )


def _whole(model: Any, code: Any) -> Any:
    """Return the codes (n, k), also where a model gives their two signs side by side."""
    k = code.shape[1] // 2
    return code[:, :k] - code[:, k:] if model.split_sign else code


def _rows(X: Any, model: Any) -> Iterator[Any]:
    """Yield batches of X that are not too large; a frame's are frames, for their names."""
    size = max(1, NUMBERS // max(array_of(model).shape))
    if hasattr(X, "columns"):
        rows = getattr(X, "iloc", X)
        yield from (rows[low : low + size] for low in range(0, len(X), size))
    else:
        yield from (rows for rows in batches(X, size) if rows.shape[0])
