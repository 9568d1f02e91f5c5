"""The command `gpudict`, made of its commands."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from gpudict._version import __version__
from gpudict.tools import streams
from gpudict.tools.commands import demo, denoise, doctor, encode, learn, path, report

PLACED = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Group(TyperGroup):
    """All commands: its help is written as all else is."""

    def make_context(self, *words: Any, **options: Any) -> Any:
        """Read the words before the command."""
        with streams.said():
            return super().make_context(*words, **options)


class Command(TyperCommand):
    """One command, which runs where there is somewhere to say what is found."""

    def make_context(self, *words: Any, **options: Any) -> Any:
        """Read the words after the command."""
        with streams.said():
            return super().make_context(*words, **options)

    def invoke(self, context: Any) -> Any:
        """Run it."""
        streams.require_output()
        return super().invoke(context)


app = typer.Typer(
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    context_settings=PLACED,
    epilog="`gpudict COMMAND --help` has examples.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gpudict {__version__}")
        raise typer.Exit


@app.callback()
def gpudict(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say the version")
    ] = False,
) -> None:
    """Dictionary learning on any array."""


for run in (
    demo.demo,
    denoise.denoise,
    learn.learn,
    encode.encode,
    path.path,
    report.report,
    doctor.doctor,
):
    app.command(cls=Command, context_settings=PLACED)(run)
command = get_command(app)
