"""What a command says, and the status it leaves with, whatever became of its streams.

Standard output may be closed, full, or a pipe whose reader has enough; standard error too, and then
a sentence can't be said, but the status still can. Warnings are sentences too.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any

from gpudict import _writing

PACKAGES = {"PIL": "pillow"}  # modules, and what has them where that has another name
WORDS = {  # what the library says, and what that is here
    "the same call with resume=True": "the same command with --resume",
    "that the same call wrote, or resume=False": "that the same command wrote, or no --resume",
    "or pass resume=False": "or leave --resume out",
    "random_state": "--seed",
}
OPTIONS = re.compile(  # parameters that are options, and what they are
    r"\b(?:fit_|transform_)?(n_components|n_nonzero_coefs|target_nonzeros|explained_variance|n_alphas"
    r"|max_iter|max_no_improvement|batch_size|positive_code|positive_dict)\b(?:=(?=\S))?"
)
INTERRUPTED, CUT = 130, 141  # as a shell has it: 128, and the number of SIGINT, of SIGPIPE


class Missing(Exception):
    """Something that the command needs is not on this machine; the message says what to do."""


class Refused(Exception):
    """What was asked for, or what was given, can't be used; the message says what to do."""


def status_of(run: Callable[[], int]) -> int:
    """Return the exit status of what runs; what it misses is a sentence on standard error."""
    if sys.stderr is None:  # it was closed: no other file may get its number
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # of letters that a terminal does not have
    complaints = _Forgiving(sys.stderr)
    with redirect_stderr(complaints), warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: complain(worded(str(message)))
        status = _left(run)
    if complaints.failed:
        _hush(sys.stderr)
    return status


def _left(run: Callable[[], int]) -> int:
    try:
        try:
            status = run()
        finally:  # a command may leave by an exception
            with said():
                pass
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return CUT
    except Missing as missing:
        complain(missing)
        return 1
    except Refused as refused:
        complain(refused)
        return 2
    except MemoryError as error:
        complain(f"The memory is not enough. {str(error) or 'Ask for less'}".rstrip(".") + ".")
        return 1
    return status


def complain(what: object) -> None:
    """Say a sentence on standard error, in one line."""
    sys.stderr.write(f"gpudict: {' '.join(str(what).split())}\n")


@contextmanager
def refusing() -> Iterator[None]:
    """Let what the library, or the system, says of input leave as Refused, with its notes."""
    try:
        yield
    except ImportError as error:
        what = error.name or str(error)
        raise Missing(
            f"{what} is needed here and not installed. Install it with: "
            f"python -m pip install {PACKAGES.get(what, what)}"
        ) from error
    except (TypeError, ValueError) as error:
        raise Refused(worded(str(error), *notes(error))) from error
    except OSError as error:
        said = str(error)
        if error.strerror and error.filename:
            said = f"{os.fsdecode(error.filename)} can't be read: {error.strerror}."
        raise Refused(worded(said, *notes(error))) from error


@contextmanager
def writing(what: str, path: str | os.PathLike[str], option: str = "--output") -> Iterator[None]:
    """Let what the system says of a place to write to leave as Missing."""
    try:
        yield
    except OSError as error:
        folder = os.path.dirname(path)
        if isinstance(error, FileNotFoundError) and not os.path.isdir(folder or os.curdir):
            why = f"there is no folder {folder}. Make it first, or pass another {option}."
        elif isinstance(error, IsADirectoryError | FileExistsError) or not os.path.basename(path):
            why = f"it is a folder, which is not replaced. Pass another name as {option}."
        else:
            why = f"{error.strerror or error}. Pass another {option}, or see to it that this one "
            why += "can be written."
        raise Missing(f"{what} can't be written to {os.fspath(path) or '.'}: {why}") from error


def reserve(what: str, path: str | os.PathLike[str]) -> None:
    """See, before the work, that the output can be written; once it is, Ctrl-C comes too late."""
    with writing(what, path):
        _writing.check_place(path)
    _writing.want(path)


def worded(*said: str) -> str:
    """Return sentences of the library in the words of the command line."""
    text = " ".join(said)
    for call, command in WORDS.items():
        text = text.replace(call, command)
    return OPTIONS.sub(_as_option, text)


def _as_option(found: re.Match[str]) -> str:
    name = f"--{found[1].replace('_', '-')}"
    return f"{name} " if found[0].endswith("=") else name


def notes(error: BaseException) -> list[str]:
    """Return what was noted of an error."""
    return list(getattr(error, "__notes__", ()))


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
