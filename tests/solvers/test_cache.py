"""The cache of compiled code: whatever is wrong with it costs time, is said once, and is mended."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import warnings
from pathlib import Path

import numba
import pytest

from gpudict.solvers.host.kernels import compiling


def twice(x):
    """Be compiled, in a moment."""
    return 2 * x


def thrice(x):
    """Be compiled too."""
    return 3 * x


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Return the folder of a cache that holds both functions."""
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "SAID", [])
    assert [compiling.compiled(f)(7) for f in (twice, thrice)] == [14, 21]
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == 4
    return folder


def cut(size):
    return lambda data: data[:size]


def flipped(where):
    return lambda data: data[:where] + bytes([data[where] ^ 4]) + data[where + 1 :]


def holding(content):
    """Return what a file is that holds something else than it should."""
    return lambda data: pickle.dumps(numba.__version__) + pickle.dumps(content)


DAMAGES = {
    "empty": cut(0),
    "cut": cut(40),
    "without its end": cut(-1),
    "flipped": flipped(60),
    "flipped at its end": flipped(-20),
    "noise": lambda data: b"\x80\x05noise" * 9,
    "a list": holding([1, 2]),
    "numbers": holding((None, {1: 2})),
}
WELL_FORMED = ("empty", "cut", "noise", "a list", "numbers")  # with the digest that belongs to it


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize(
    ("damage", "sealed"), [*((d, False) for d in DAMAGES), *((d, True) for d in WELL_FORMED)]
)
def test_a_damaged_file(damage, sealed, ending, cache):
    """It is compiled anew and written anew, which is said once."""
    (path,) = cache.glob(f"*twice*.{ending}")
    data = DAMAGES[damage](path.read_bytes())
    path.write_bytes(data + compiling._seal(str(path), data) if sealed else data)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert compiling.compiled(twice)(7) == 14
        path.write_bytes(b"")
        assert compiling.compiled(twice)(7) == 14
    assert len(said) == 1
    assert said[0].category is RuntimeWarning
    assert "The cache of compiled code can't be used" in str(said[0].message)
    made = compiling.compiled(twice)
    assert made(7) == 14
    assert made.stats.cache_hits


def test_code_that_stands_for_something_else(cache):
    """As where a disk was full once an index was written: not run, whatever its digest."""
    (ours,), (other,) = cache.glob("*twice*.nbc"), cache.glob("*thrice*.nbc")
    data = other.read_bytes()[: -compiling.SEAL]
    ours.write_bytes(data + compiling._seal(str(ours), data))
    assert compiling.compiled(twice)(7) == 14


@pytest.mark.parametrize("name", ["write", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_disk(number, name, cache, monkeypatch):
    for path in cache.iterdir():
        path.unlink()

    def failing(*_, **__):
        raise OSError(number, os.strerror(number))

    if name == "write":
        monkeypatch.setattr(numba.core.caching, "open", failing, raising=False)
    else:
        monkeypatch.setattr(os, "replace", failing)
    with pytest.warns(RuntimeWarning, match=os.strerror(number)):
        assert compiling.compiled(twice)(7) == 14
    assert compiling.compiled(thrice)(7) == 21  # which is not said again
    assert not list(cache.iterdir())


def test_no_folder_at_all(cache, monkeypatch):
    """Nothing is said before there is something to compile."""
    shutil.rmtree(cache.parent)
    cache.parent.write_bytes(b"")
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    made = compiling.compiled(twice)
    with pytest.warns(RuntimeWarning, match="no locator available"):
        assert made(7) == 14
