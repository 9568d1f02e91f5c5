"""Files that are whole at any moment: what was there stays until all of what comes is on the disk.

The bytes go to a temporary file in the same folder, which then takes the place of the old one at
once. A full disk or a kill on the way leaves the old file as it was. A device or a pipe, such as
/dev/stdout, can't be replaced: it is written to.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

aside: set[str] = set()  # the temporary files and folders that there are
_wanted: tuple[str, Any] = ("", None)  # the file that a process is there for, and what was there


def clear() -> None:
    """Remove the temporary files and folders, as the process is about to end."""
    for temporary in tuple(aside):
        _remove(temporary)


def want(path: Any) -> None:
    """Note what is there, so that it is known when what this process writes is in its place."""
    global _wanted
    _wanted = os.fsdecode(path), _identity(path)


def is_there() -> bool:
    """Whether the file, or the folder, that is wanted is there now, whole."""
    path, before = _wanted
    return _identity(path) not in (None, before)


def _identity(path: Any) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def write_whole(path: Any, data: bytes | bytearray) -> None:
    """Write the bytes to a file, all of them or none, as `whole` does.

    Raises
    ------
    OSError
        The file can't be written; what was there before is as it was, and nothing is left beside.
    """
    with whole(path) as file:
        file.write(data)


@contextmanager
def whole(path: Any) -> Iterator[BinaryIO]:
    """Give a file to write, which takes its place once it was left without an error.

    A new file gets the permissions that any new file gets, and an old one keeps its own; a link's
    target is written, not the link.
    """
    target = _target(path)
    if target is None:
        with open(path, "wb") as there:
            yield there
        return
    with _aside(target) as (temporary, file):
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()  # before it is renamed: Windows asks for that
        os.replace(temporary, target)
    _sync_folder(target)


@contextmanager
def whole_folder(path: Any) -> Iterator[str]:
    """Give the name of a new folder to make and fill, which gets its own once it was left.

    There must be nothing of that name: a folder is not replaced.
    """
    target = os.path.realpath(os.fsdecode(path))
    if os.path.lexists(path):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(path))
    temporary = _beside(target)
    aside.add(temporary)
    try:
        yield temporary
        os.rename(temporary, target)
    except BaseException:
        _remove(temporary)
        raise
    finally:
        aside.discard(temporary)
    _sync_folder(target)


def check_place(path: Any) -> None:
    """Raise the OSError that writing a file there would meet, but for a disk that is full by then.

    A temporary file is made there and removed; what is there already is not touched.
    """
    target = _target(path)
    if target is None:
        if not os.access(path, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
        return
    with _aside(target) as (temporary, file):
        file.write(b"\0")
        file.close()
        os.unlink(temporary)


def _target(given: Any) -> str | None:
    """Return the file that is to be replaced, or None for what is written to where it is.

    It is opened first, so that what may not be written is not replaced either.
    """
    path: str = os.fsdecode(given)
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if os.path.basename(path):
            return os.path.realpath(path)
        raise
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        return None
    os.close(os.open(path, os.O_WRONLY))
    target = os.path.realpath(path)
    return target if os.path.exists(target) and os.path.samefile(path, target) else None


@contextmanager
def _aside(target: str) -> Iterator[tuple[str, BinaryIO]]:
    """Give a temporary file beside the target, with its permissions; on an error it is removed."""
    temporary = _beside(target)
    aside.add(temporary)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(temporary, flags, 0o666)  # the system takes the umask off
    except OSError as error:  # of the name that was asked for, not of ours
        raise OSError(error.errno, error.strerror, target) from error
    try:
        with os.fdopen(number, "wb") as file:
            _keep_permissions(number, target)
            yield temporary, file
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            raise type(error)(error.errno, error.strerror, target) from error
        raise
    finally:
        aside.discard(temporary)


def _beside(target: str) -> str:
    return os.path.join(os.path.dirname(target), f".gpudict-{secrets.token_hex(8)}.tmp")


def _remove(temporary: str) -> None:
    """Remove a temporary file, or a folder with all that is in it, if it is there."""
    with contextlib.suppress(OSError):
        if os.path.isdir(temporary):
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            os.unlink(temporary)


def _keep_permissions(number: int, target: str) -> None:
    """Give an open file the owner and the mode of the target, if there is one, as far as we may."""
    if not os.path.exists(target) or not hasattr(os, "fchmod"):
        return
    old, new = os.stat(target), os.fstat(number)
    for owner, group in ((-1, old.st_gid), (old.st_uid, -1)):
        if (owner, group) not in ((-1, new.st_gid), (new.st_uid, -1)):
            with contextlib.suppress(OSError):
                os.fchown(number, owner, group)
    os.fchmod(number, stat.S_IMODE(old.st_mode))


def _sync_folder(target: str) -> None:
    """Have the new name on the disk too, where the system can do that with a folder."""
    with contextlib.suppress(OSError):
        number = os.open(os.path.dirname(target) or os.curdir, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
