"""How the loops of the host are compiled, and when what was compiled before is used again.

Numba keeps what it compiled in a folder, and takes it from there while the function's own file is
unchanged. But what is inlined comes from other files: so here the key has the contents of all.
What is kept is machine code, so each file ends in a digest of its name and contents. A cache that
is damaged, full or read-only costs the time to compile: it is said once, and nothing else fails.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import register_jitable

FAST = {"reassoc", "contract", "arcp", "nsz"}  # NaN and infinity keep their meaning
OPTIONS = {"fastmath": FAST, "error_model": "numpy"}

inner = njit(inline="always", **OPTIONS)
either = register_jitable(inline="always", **OPTIONS)  # Python's too


@functools.cache
def digest() -> str:
    """Return a hash of everything that is compiled."""
    here = Path(__file__).parent
    read = [here.parents[1] / "constants.py", *sorted(here.glob("*.py"))]
    return hashlib.sha256(b"\0".join(f.read_bytes() for f in read)).hexdigest()


digest()  # of what is imported now: a file may change before the first call compiles it


class _Sealed(IndexDataCacheFile):  # type: ignore[misc]
    """Numba's files, each with a digest at its end, and the data with its key.

    A flipped bit in machine code would end the process, or give wrong numbers; and where a disk was
    full, an index may name data that stands for something else.
    """

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (key, data))

    def load(self, key: Any) -> Any:
        found = super().load(key)
        return found[1] if found is not None and found[0] == key else None

    def _load_index(self) -> Any:
        self._check(self._index_path)
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        self._check(self._data_path(name))
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(filepath) as file:
            written = io.BytesIO()
            yield written
            file.write(written.getvalue() + _seal(filepath, written.getvalue()))

    def _check(self, path: str) -> None:
        with suppress(FileNotFoundError):
            content = Path(path).read_bytes()
            if content[-SEAL:] != _seal(path, content[:-SEAL]):
                raise ValueError(f"{Path(path).name} is damaged")


SEAL = hashlib.sha256().digest_size


def _seal(path: str, content: bytes) -> bytes:
    """Return the digest of a file; what is read behind the end of a pickle is not looked at."""
    return hashlib.sha256(Path(path).name.encode() + b"\0" + content).digest()


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache with two more parts to its key, and no error of its own.

    `parts` are what the function calls. What is kept of it has code of theirs, which is not theirs
    bit by bit, and is not used if theirs is there first.
    """

    def __init__(self, function: Any, parts: tuple[Any, ...] = ()) -> None:
        super().__init__(function)
        self.parts = parts
        base, stamp = self._impl.filename_base, self._impl.locator.get_source_stamp()
        self._cache_file = _Sealed(self._cache_path, f"{base}-sealed", stamp)

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        own = super()._index_key(sig, codegen)  # of the bytecode, which has no constants
        return (*own, self._impl.filename_base, digest())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            for part in self.parts:
                part._cache.load_all(part, target_context)
            found = super().load_overload(sig, target_context)
            return found if found is None or self._has_parts(found) else None
        except Exception as error:  # a file may hold anything
            with suppress(Exception):
                self.flush()  # it is written anew
            _say(error, self.cache_path)
            return None

    def _has_parts(self, found: Any) -> bool:
        """Whether its parts have the names here by which it calls them: they may be made anew."""
        names = {function.name for function in found.library._get_module_for_linking().functions}
        own = ({o.fndesc.llvm_func_name for o in p.overloads.values()} for p in self.parts)
        return all(names & some for some in own)

    def load_all(self, function: Any, target_context: Any) -> None:
        """Load what is kept of the function itself."""
        for key in self._cache_file._load_index():
            if key == self._index_key(key[0], target_context.codegen()):
                function.compile(key[0])

    def save_overload(self, sig: Any, data: Any) -> None:
        _keep_whole(data)
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _say(error, self.cache_path)


class _Nowhere(NullCache):  # type: ignore[misc]
    """No cache, for the reason that is said when there is something to compile."""

    def __init__(self, reason: Exception) -> None:
        self.reason = reason

    def load_overload(self, sig: Any, target_context: Any) -> None:
        _say(self.reason, "the cache")

    def save_overload(self, sig: Any, data: Any) -> None:
        _keep_whole(data)


def _keep_whole(data: Any) -> None:
    """Let what was compiled be called, not inlined: then it gives its bits whoever calls it."""
    data.library.get_function(data.fndesc.llvm_func_name).add_function_attribute("noinline")


SAID: list[str] = []


def _say(error: Exception, folder: Any) -> None:
    """Warn that something is compiled though it might have been kept, once in a process."""
    if SAID:
        return
    SAID.append(
        f"The cache of compiled code can't be used ({type(error).__name__}: {error}): what is "
        "missing is compiled anew, which takes some seconds in each process. "
        f"Look at {folder}, or set NUMBA_CACHE_DIR to a folder that can be written."
    )
    warnings.warn(SAID[0], RuntimeWarning, stacklevel=2)


def compiled(function, parts=(), **options):
    """Compile the function when it is first called; kept in a cache where one can be written."""
    made = njit(nogil=True, **OPTIONS, **options)(function)
    try:
        made._cache = _Cache(function, parts)
    except Exception as error:  # no folder can be written
        made._cache = _Nowhere(error)
    return made


def compiled_with(*parts):
    """Compile a function as `compiled` does, that calls these, which are: it has their bits."""
    return functools.partial(compiled, parts=parts)


def compiled_in_place(function):
    """Compile a function that makes no arrays: without counts of references to those it has.

    Each is atomic, and a short loop over arrays of a struct takes up to ten.
    """
    return compiled(function, _nrt=False)


if hasattr(os, "register_at_fork"):  # a child has no thread that would let go of the lock
    lock = global_compiler_lock
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
