"""`gpudict doctor`: what is installed, which devices there are, and a tiny lasso on each."""

from __future__ import annotations

from typing import Annotated

import typer

from gpudict.tools.commands import options
from gpudict.tools.commands.telling import show, write_json
from gpudict.tools.streams import Missing


def doctor(
    backend: Annotated[
        str | None,
        typer.Option(metavar="NAME", callback=options.known, help="examine this library alone"),
    ] = None,
    device: Annotated[
        str | None, options.place("examine this device alone, such as cuda:0")
    ] = None,
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="fail unless a solve succeeds on a GPU")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Say what is installed, and solve a tiny lasso on each device.

    \b
    Examples:
      gpudict doctor
      gpudict doctor --backend torch --device cuda:0 --require-gpu
    """
    from gpudict.tools import doctor as physician

    report = physician.examine(backend, device)
    wrong = physician.failures(report, require_gpu=require_gpu)
    if as_json:
        write_json(physician.as_json(report, wrong))
    else:
        show(physician.lines(report))
    if wrong:
        raise Missing(" ".join(wrong))
