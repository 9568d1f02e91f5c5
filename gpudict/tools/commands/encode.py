"""`gpudict encode`: codes of the rows of files over the atoms of a model, and how good they are."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from gpudict.tools.commands import options
from gpudict.tools.commands.telling import tell
from gpudict.tools.streams import Refused, refusing, reserve, writing


def encode(
    data: options.Data,
    model: options.Model,
    output: Annotated[
        Path, options.output("CODES", "what to write: .npy, .zarr; sparse .npz, .csr")
    ],
    alpha: options.Alpha = None,
    n_nonzero_coefs: options.NonZeros = None,
    target_nonzeros: options.TargetNonZeros = None,
    explained_variance: options.ExplainedVariance = None,
    patch_size: options.PatchSize = 8,
    backend: options.Backend = "numpy",
    device: options.Device = None,
    as_json: options.Json = False,
) -> None:
    """Code the rows of files over the atoms of a model.

    How they are coded the model says, where no option does. The explained variance is below 0 where
    the mean of the rows is nearer to them than what is coded, as it is to codes of zeros.

    \b
    Examples:
      gpudict encode X.npy --model model.safetensors -o codes.npz
      gpudict encode store.h5:train/X --model model.safetensors --alpha 0.2 -o codes.zarr
    """
    from gpudict.tools.commands import data as given
    from gpudict.tools.commands.codes import WRITERS
    from gpudict.tools.commands.progress import bars

    began = time.perf_counter()
    if (write := WRITERS.get(output.suffix.lower())) is None:
        raise Refused(f"{output} is no name of codes. Let it end in {', '.join(WRITERS)}.")
    reserve("The codes", output)
    sparsity = options.sparsity(
        alpha=alpha,
        n_nonzero_coefs=n_nonzero_coefs,
        target_nonzeros=target_nonzeros,
        explained_variance=explained_variance,
    )
    with bars() as report, refusing():
        move = given.mover(backend, device)
        source = given.rows(data, patch_size, move)
        coder = given.coder(model, move, source)
        alpha = told(coder, source, sparsity)
        rows = given.watched(source, report, "coding")
        tally = Tally()
        parts = coded(coder, given.batches(rows, given.size(coder)[0]), tally)
        first = next(parts)
        shape = (rows.table.shape[0], first.shape[1])
        with writing("The codes", output):
            write(output, shape, first.dtype, itertools.chain([first], parts))
    facts = {"rows": tally.rows, "atoms": shape[1], "alpha": alpha} | tally.facts()
    facts |= {"seconds": time.perf_counter() - began, "codes": str(output)}
    tell(facts, as_json=as_json)


def told(coder: Any, source: Any, asked: tuple[str, Any] | None) -> float | None:
    """Let an estimator code as it is asked to, or as it does; return the alpha that came of it."""
    if asked is None:
        return None
    name, value = asked
    targets: dict[str, Any] = {"target_nonzeros": None, "explained_variance": None}
    if name == "n_nonzero_coefs":
        coder.set_params(transform_algorithm="omp", transform_n_nonzero_coefs=value, **targets)
        return None
    alpha: float = value if name == "alpha" else alpha_of(coder, source, **targets | {name: value})
    coder.set_params(transform_algorithm="lasso_cd", transform_alpha=alpha, **targets)
    return alpha


def alpha_of(coder: Any, source: Any, target_nonzeros: Any, explained_variance: Any) -> float:
    """Return the alpha that leads to a target, found on some rows, the same ones each time."""
    from gpudict.coding.alpha.sample import alpha_for, most_rows
    from gpudict.coding.asked import Asked
    from gpudict.tools.commands import data as given

    positive = bool(coder.positive_code)
    asked = Asked.of_lasso(solver="cd", positive=positive, max_iter=None, n_jobs=None)
    X = given.some(source, most_rows(given.size(coder)[0]), seed=0)
    V = given.atoms(coder, X)
    found: float = alpha_for(target_nonzeros, explained_variance, None, X, V, asked)
    return found


def coded(coder: Any, batches: Iterator[Any], tally: Tally) -> Iterator[Any]:
    """Yield the codes of batches, on the host, and add them to the tally."""
    from gpudict.arrays.door import to_host

    with refusing():
        for X in batches:
            Z, gap = coder.transform(X, return_gap=True)
            about = coder.inverse_transform(Z)
            Z = to_host(Z)
            tally.add(to_host(X), Z, to_host(about), to_host(gap))
            yield Z


class Tally:
    """Sums over rows that were coded, of which there may be more than fit the memory."""

    def __init__(self) -> None:
        self.rows, self.nonzeros, self.error, self.square = 0, 0, 0.0, 0.0
        self.sum: Any = 0.0
        self.gap = 0.0

    def add(self, X: Any, Z: Any, about: Any, gap: Any) -> None:
        """Add rows X, their codes, what these stand for, and their gaps."""
        import numpy as np

        X = X.astype(np.float64)
        squares = np.sum(X * X, axis=1)
        self.rows += len(X)
        self.nonzeros += int(np.count_nonzero(Z))
        self.error += float(np.sum((X - about) ** 2))
        self.square += float(squares.sum())
        self.sum = self.sum + X.sum(axis=0)
        some = squares > 0
        self.gap = max(self.gap, float(np.max(gap[some] / (0.5 * squares[some]), initial=0.0)))

    def facts(self) -> dict[str, float | None]:
        """Return non-zeros and error of a row, the share of the variance, and the largest gap."""
        spread = self.square - float((self.sum**2).sum()) / self.rows
        gap = self.gap if math.isfinite(self.gap) else None  # there is none of a pursuit
        return {
            "nonzeros_a_row": self.nonzeros / self.rows,
            "error_a_row": self.error / self.rows,
            "explained_variance": 1 - self.error / spread if spread > 0 else None,
            "largest_gap": gap,
        }
