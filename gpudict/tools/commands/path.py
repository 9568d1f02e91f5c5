"""`gpudict path`: what each alpha buys, from one that leaves little to one that leaves all."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gpudict.tools.commands import options
from gpudict.tools.commands.encode import Tally
from gpudict.tools.commands.telling import show, text_of, write_json
from gpudict.tools.streams import Refused, refusing


def path(
    data: options.Data,
    model: options.Model,
    alpha: Annotated[
        list[float] | None,
        typer.Option(metavar="A", min=0, help="an alpha of the path, as often as wanted"),
    ] = None,
    n_alphas: Annotated[int, options.count("how many, where none is given")] = 20,
    eps: Annotated[
        float, typer.Option(metavar="E", help="the smallest, over that from which all is zero")
    ] = 0.01,
    rows: options.Rows = 2000,
    seed: options.Seed = 0,
    patch_size: options.PatchSize = 8,
    backend: options.Backend = "numpy",
    device: options.Device = None,
    as_json: options.Json = False,
) -> None:
    """Code some rows for many alphas, to choose one.

    Of each alpha it says the non-zeros of a row, the explained variance, the largest gap and the
    objective of a row.

    \b
    Examples:
      gpudict path X.npy --model model.safetensors
      gpudict path X.npy --model model.safetensors --alpha 0.5 --alpha 0.1 --json
    """
    from gpudict.tools.commands import data as given
    from gpudict.tools.commands.progress import bars

    if not 0 < eps < 1:
        raise Refused(f"--eps is {eps}, and a number between 0 and 1 is needed.")
    with bars() as report, refusing():
        move = given.mover(backend, device)
        source = given.rows(data, patch_size, move)
        coder = given.coder(model, move, source)
        X, positive = given.some(source, rows, seed), bool(coder.positive_code)
        V = given.atoms(coder, X)
        top = largest(X, V, positive=positive)
        alphas = sorted(alpha, reverse=True) if alpha else below(top, n_alphas, eps)
        found = []
        for told in walk(X, V, alphas, positive=positive):
            found.append(told)
            report("coding", len(found), len(alphas))
    if as_json:
        write_json({"rows": X.shape[0], "path": found})
    else:
        names = [name.replace("_", " ") for name in found[0]]
        show([names, *([text_of(value) for value in told.values()] for told in found)])


def largest(X: Any, V: Any, *, positive: bool) -> float:
    """Return from which alpha on all codes are zero."""
    from gpudict.arrays.door import array_namespace, read

    xp = array_namespace(X)
    cov = X @ xp.matrix_transpose(V)
    return read(xp.max(cov if positive else xp.abs(cov)))[0]


def below(top: float, count: int, eps: float) -> list[float]:
    """Return alphas from a little below the top down to eps times it, evenly in logarithms."""
    return [top * eps ** ((i + 1) / count) for i in range(count)]


def walk(X: Any, V: Any, alphas: list[float], *, positive: bool) -> Iterator[dict[str, float]]:
    """Yield the figures of each alpha; codes begin with those of the alpha before."""
    from gpudict.arrays.door import to_host
    from gpudict.coding.encode import encode

    Z = None
    for alpha in alphas:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "alpha leaves every code zero")
            found = encode(X, V, alpha=alpha, positive=positive, init=Z)
        Z, tally = found.Z, Tally()
        tally.add(to_host(X), to_host(Z), to_host(Z @ V), to_host(found.gap))
        weight = alpha * float(abs(to_host(Z)).sum())
        objective = (0.5 * tally.error + weight) / tally.rows
        yield {"alpha": alpha} | tally.facts() | {"objective_a_row": objective}
