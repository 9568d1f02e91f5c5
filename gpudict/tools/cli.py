"""The command `gpudict`: it runs what is asked for, and says in a sentence what can't be done.

Exit status: 0 done, 1 something is missing on this machine (a library, a device, a place to write
to), 2 the command line is wrong, or a file that it names can't be read, 130 Ctrl-C, 141 nobody
reads on. What a command needs is imported when it runs: `gpudict --help` imports no array library.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

from gpudict.tools import streams
from gpudict.tools.streams import Missing, Refused


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, those of the process by default.

    Returns
    -------
    int
        The exit status.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    return streams.status_of(lambda: _run(words))


def _run(words: list[str]) -> int:
    if importlib.util.find_spec("typer") is None:
        raise Missing(
            "The command gpudict needs typer, not installed here. Install it with: "
            "python -m pip install typer"
        )
    import typer

    from gpudict.tools.commands.app import command

    try:
        with command.make_context("gpudict", words) as context:
            command.invoke(context)
    except typer.Exit as left:
        return left.exit_code
    except typer.TyperException as wrong:
        said = wrong.format_message().rstrip(".")
        there = getattr(wrong, "ctx", None)
        path = "gpudict" if there is None else there.command_path
        raise Refused(f"{said}. `{path} --help` says more.") from wrong
    return 0
