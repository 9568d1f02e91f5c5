"""What a command says, and the status it leaves with, whatever became of its streams.

Standard output may be closed, full, or a pipe whose reader has enough; standard error too, and then
a sentence can't be said, but the status still can.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any

INTERRUPTED, CUT = 130, 141  # as a shell has it: 128, and the number of SIGINT, of SIGPIPE


class Missing(Exception):
    """Something that the command needs is not on this machine; the message says what to do."""


def status_of(run: Callable[[], int]) -> int:
    """Return the exit status of what runs; what it misses is a sentence on standard error."""
    if sys.stderr is None:  # it was closed: no other file may get its number
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # of letters that a terminal does not have
    complaints = _Forgiving(sys.stderr)
    with redirect_stderr(complaints):
        status = _left(run)
    if complaints.failed:
        _hush(sys.stderr)
    return status


def _left(run: Callable[[], int]) -> int:
    try:
        try:
            status = run()
        finally:  # argparse leaves by an exception
            with said():
                pass
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return CUT
    except Missing as missing:
        complain(missing)
        return 1
    except MemoryError as error:
        complain(f"The memory is not enough. {str(error) or 'Ask for less'}".rstrip(".") + ".")
        return 1
    return status


def complain(what: object) -> None:
    """Say a sentence on standard error."""
    sys.stderr.write(f"gpudict: {what}\n")


def require_output() -> None:
    """Raise Missing if there is nowhere to say what is found."""
    if sys.stdout is None:
        raise Missing("Standard output is closed. Leave it open, or lead it to a file.")


@contextmanager
def said() -> Iterator[None]:
    """Write to standard output inside, all of it by the end.

    Raises
    ------
    BrokenPipeError
        Its reader has enough.
    Missing
        It can't be written to.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        _hush(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise Missing(
            f"Standard output can't be written to: {error.strerror}. Lead it to another place."
        ) from error


def _hush(stream: Any) -> None:
    """Lead what a stream still holds to nowhere, for Python writes it when the process ends."""
    with suppress(AttributeError, OSError, ValueError):
        number = os.open(os.devnull, os.O_WRONLY)
        os.dup2(number, stream.fileno())
        os.close(number)


class Parser(argparse.ArgumentParser):
    """argparse's, which would pass over what its help can't be written to."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file is not None and file is sys.stdout:
            with said():
                file.write(message)
        else:
            super()._print_message(message, file)


class _Forgiving:
    """A stream that loses what can't be written to it."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.failed = stream, False

    def write(self, text: str) -> int:
        return int(self._tried(self.stream.write, text) or 0)

    def flush(self) -> None:
        self._tried(self.stream.flush)

    def _tried(self, do: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return do(*arguments)
        except OSError:
            self.failed = True
            return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
