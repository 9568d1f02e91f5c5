"""What is kept on the disk: made once, made again where it is damaged, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpudict.arrays.backends import _kept

FOLDER = _kept.folder  # before the tests have one of their own
PARTS, MADE = ("source", "-option"), bytes(range(256))


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Return a folder that is not there yet."""
    monkeypatch.setattr(_kept, "folder", lambda: tmp_path / "some" / "where")
    return tmp_path / "some" / "where"


class Maker:
    """Makes the same bytes, and counts how often."""

    count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return MADE


def test_made_once(place):
    make = Maker()
    assert [_kept.kept(PARTS, make) for _ in range(3)] == 3 * [MADE]
    assert make.count == 1
    assert len(list(place.iterdir())) == 1  # nothing was left aside
    for other in (("source",), ("source-option", ""), ("-option", "source")):
        assert _kept.kept(other, make) == MADE
    assert make.count == 4


DAMAGES = {
    "empty": lambda old: b"",
    "cut": lambda old: old[:-1],
    "seal alone": lambda old: old[: _kept.SEAL],
    "flipped": lambda old: old[:100] + bytes([old[100] ^ 1]) + old[101:],
    "flipped in its seal": lambda old: bytes([old[0] ^ 1]) + old[1:],
    "longer": lambda old: old + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_again(place, damage: str):
    make = Maker()
    _kept.kept(PARTS, make)
    (file,) = place.iterdir()
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert [_kept.kept(PARTS, make) for _ in range(2)] == 2 * [MADE]
    assert make.count == 2


def test_the_file_of_something_else(place):
    """Whole, under another name: it is not taken for what was asked for."""
    make = Maker()
    _kept.kept(PARTS, make)
    (file,) = place.iterdir()
    _kept.kept(("other",), lambda: b"other")
    (other,) = set(place.iterdir()) - {file}
    other.replace(file)
    assert _kept.kept(PARTS, make) == MADE
    assert make.count == 2


def test_where_nothing_can_be_kept(place, monkeypatch):
    """A folder that can't be made, or a user without a home: each time it is made, and no error."""
    make = Maker()
    place.parent.write_text("a file")
    assert [_kept.kept(PARTS, make) for _ in range(2)] == 2 * [MADE]
    monkeypatch.setattr(_kept, "folder", FOLDER)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert _kept.kept(PARTS, make) == MADE
    assert make.count == 3


def test_the_folder(monkeypatch, tmp_path):
    """That of the user's cache, by the rules of the system."""
    home, mine, local = (str(tmp_path / name) for name in ("home", "mine", "local"))
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", home))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for given, expected in ((mine, mine), ("relative", f"{home}/.cache"), ("", f"{home}/.cache")):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert Path(expected, "gpudict", "kernels") == FOLDER()
    monkeypatch.setenv("LOCALAPPDATA", local)
    assert Path(local, "gpudict", "kernels") == FOLDER()
