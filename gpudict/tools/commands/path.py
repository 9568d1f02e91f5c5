"""`gpudict path`: what each alpha buys, from one that leaves little to one that leaves all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gpudict.tools.commands import options
from gpudict.tools.commands.telling import show, text_of, write_json
from gpudict.tools.streams import refusing

if TYPE_CHECKING:
    from gpudict.coding.alpha.path import Path


def path(
    data: options.Data,
    model: options.Model,
    alpha: Annotated[
        list[float] | None,
        typer.Option(metavar="A", min=0, help="an alpha of the path, as often as wanted"),
    ] = None,
    n_alphas: Annotated[int, options.count("how many, where none is given")] = 20,
    eps: Annotated[
        float, typer.Option(metavar="E", help="the smallest alpha, in units of the largest")
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
    from gpudict.coding.alpha.path import encode_path
    from gpudict.tools.commands import data as given
    from gpudict.tools.commands.progress import bars

    with bars() as report, refusing():
        report("coding", 0, 1)
        move = given.mover(backend, device)
        source = given.rows(data, patch_size, move)
        coder = given.coder(model, move, source)
        X = given.some(source, rows, seed)
        walk = encode_path(
            X,
            given.atoms(coder, X),
            alpha or None,
            n_alphas=n_alphas,
            eps=eps,
            positive=bool(coder.positive_code),
        )
        found = figures(walk, X)
    if as_json:
        write_json({"rows": X.shape[0], "path": found})
    else:
        names = [name.replace("_", " ") for name in found[0]]
        show([names, *([text_of(value) for value in told.values()] for told in found)])


def figures(path: Path, X: Any) -> list[dict[str, float]]:
    """Return what there is to say of each alpha."""
    from gpudict.arrays.door import array_namespace, to_host
    from gpudict.objective.quadratic import relative_gap

    xp = array_namespace(X)
    sq = xp.astype(xp.sum(X * X, axis=1), path.gaps.dtype)
    gaps = to_host(xp.max(relative_gap(path.gaps, sq), axis=1))
    columns = {
        "alpha": path.alphas,
        "nonzeros_a_row": path.nonzeros,
        "explained_variance": path.explained_variance,
        "largest_gap": gaps,
        "objective_a_row": path.objective / X.shape[0],
    }
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(float, row), strict=True)) for row in rows]
