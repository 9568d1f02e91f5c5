"""What a compiler has made, kept on the disk for other processes.

A file is found by a digest of all that it was made of, and begins with one of its name and of what
it holds: what is damaged is made again. A folder that can't be used costs that time, and no more.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from gpudict._writing import write_whole

SEAL = hashlib.sha256().digest_size


def kept(parts: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
    """Return what `make` makes of the parts, or has made before."""
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    with contextlib.suppress(OSError):
        found = (folder() / name).read_bytes()
        if found[:SEAL] == _seal(name, found[SEAL:]):
            return found[SEAL:]
    made = make()
    with contextlib.suppress(OSError):
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder() / name, _seal(name, made) + made)
    return made


def folder() -> Path:
    """Return the folder in the user's cache; a cache that is no absolute path is none."""
    home = os.path.join(os.path.expanduser("~"), ".cache")
    places = (os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("LOCALAPPDATA", ""), home)
    for place in places:
        if os.path.isabs(place):
            return Path(place, "gpudict", "kernels")
    raise OSError("this user has no folder of their own")


def _seal(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + content).digest()
