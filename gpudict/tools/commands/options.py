"""The options that several commands have, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gpudict.tools.streams import Refused

READ = ".npy, .npz, .zarr, .h5, .csv, .parquet, .safetensors, .h5ad, or a picture"


def known(name: str | None) -> str | None:
    """Refuse what is no array library."""
    from gpudict.arrays.backends import names

    if name is not None and name not in names():
        raise typer.BadParameter(f"{name!r} is none of {', '.join(names())}.")
    return name


def sparsity(**given: float | None) -> tuple[str, Any] | None:
    """Return the one option that says how sparse a code is, by its name, or None."""
    asked = {name: value for name, value in given.items() if value is not None}
    if len(asked) > 1:
        one, other, *_ = (f"--{name.replace('_', '-')}" for name in asked)
        raise Refused(
            f"{one} and {other} exclude each other: each says how sparse a code is. Pass one."
        )
    return next(iter(asked.items()), None)


def count(about: str, *names: str, least: int = 1, most: int | None = None) -> Any:
    """Return an option that is a count."""
    return typer.Option(*names, metavar="N", min=least, max=most, help=about)


def output(metavar: str, about: str) -> Any:
    """Return the option of what is written."""
    return typer.Option("-o", "--output", metavar=metavar, help=about)


def place(about: str) -> Any:
    """Return an option that names a device."""
    return typer.Option(metavar="NAME", help=about, show_default=False)


Coder = Annotated[Literal["omp", "lasso"], typer.Option(help="how the picture is coded")]
Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA",
        help=f"{READ}, whose patches are the samples; FILE:NAME is one array of several; of more "
        "than one file, a folder or a quoted pattern the rows follow each other",
    ),
]
Model = Annotated[
    Path, typer.Option("--model", metavar="MODEL", help="what learn wrote, or an estimator's save")
]
Backend = Annotated[
    str,
    typer.Option(metavar="NAME", callback=known, help="array library, such as torch or cupy"),
]
Device = Annotated[str | None, place("where, in the library's own words, such as cuda:0")]
Json = Annotated[bool, typer.Option("--json", help="write JSON, for programs")]
Seed = Annotated[int, count("of every random number", least=0, most=2**32 - 1)]
PatchSize = Annotated[int, count("side of the patches of a picture")]
Atoms = Annotated[int, count("number of atoms", "-k", "--n-components")]
Rows = Annotated[int, count("random rows of DATA, at most")]
Alpha = Annotated[
    float | None,
    typer.Option(metavar="A", min=0, help="weight of the ℓ1 norm of a code, in units of X·V"),
]
NonZeros = Annotated[
    int | None, count("in place of alpha, the most non-zeros of a code", "--n-nonzero-coefs")
]
TargetNonZeros = Annotated[
    float | None,
    typer.Option(metavar="N", help="in place of alpha, the mean of a code's non-zeros"),
]
ExplainedVariance = Annotated[
    float | None,
    typer.Option(
        metavar="S", help="in place of alpha, the share of the variance to explain, in 0…1"
    ),
]
