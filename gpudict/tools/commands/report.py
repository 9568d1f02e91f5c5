"""`gpudict report`: what a model is, and what it does to data, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpudict.tools.commands import options
from gpudict.tools.commands.telling import tell
from gpudict.tools.streams import refusing, reserve, writing


def report(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="what learn wrote, or an estimator's save")
    ],
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA", help="rows to code, as in learn"),
    ] = None,
    output: Annotated[Path, options.output("HTML", "page to write")] = Path("report.html"),
    rows: options.Rows = 10_000,
    seed: options.Seed = 0,
    patch_size: options.PatchSize = 8,
    backend: options.Backend = "numpy",
    device: options.Device = None,
    as_json: options.Json = False,
) -> None:
    """Write a page about a model, and its codes of data.

    \b
    Examples:
      gpudict report model.safetensors -o report.html
      gpudict report model.safetensors X.npy -o report.html
    """
    from gpudict.tools.commands import data as given
    from gpudict.tools.commands.progress import bars

    reserve("The report", output)
    with bars() as said, refusing():
        said("report", 0, 1)
        from gpudict.tools.report import write_report

        move = given.mover(backend, device)
        source = given.rows(data, patch_size, move) if data else None
        coder = given.coder(model, move, source)
        X = None if source is None else given.some(source, rows, seed)
        with writing("The report", output):
            write_report(output, coder, X)
    tell({"rows": 0 if X is None else X.shape[0], "report": str(output)}, as_json=as_json)
