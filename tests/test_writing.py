"""Files are whole: whatever fails on the way leaves what was there, and nothing beside it."""

from __future__ import annotations

import errno
import io
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gpudict
from gpudict import _writing
from gpudict._writing import check_place, whole, whole_folder, write_whole
from tests.support.estimators import fitted

FAULTS = ("write", "flush", "fsync", "replace", "fdopen", "interrupt")


def fail(name: str, monkeypatch: pytest.MonkeyPatch) -> type[BaseException]:
    """Let one call of the system fail, as on a full disk, or be interrupted."""
    full = OSError(errno.ENOSPC, "No space left on device")
    raised: BaseException = KeyboardInterrupt() if name == "interrupt" else full

    def failing(*_, **__):
        raise raised

    if name in ("write", "flush"):
        kind = type("Full", (io.BufferedWriter,), {name: failing})
        opened = lambda number, mode: kind(io.FileIO(number, "w"))  # noqa: E731
        monkeypatch.setattr(os, "fdopen", opened)
    else:
        monkeypatch.setattr(os, "fsync" if name == "interrupt" else name, failing)
    return type(raised)


@pytest.mark.parametrize("old", [b"what was there", None], ids=["old", "new"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_what_was_there(name, old, tmp_path, monkeypatch):
    target = tmp_path / "file"
    if old is not None:
        target.write_bytes(old)
    with monkeypatch.context() as broken, pytest.raises(fail(name, broken)) as caught:
        write_whole(target, b"new" * 10_000)
    assert name == "interrupt" or f"No space left on device: '{target}'" in str(caught.value)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [old] * (old is not None)
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")
def test_modes_and_links_are_kept(tmp_path):
    """As an ordinary write would: the umask for a new file, the old mode, and a link's target."""
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "link").symlink_to("../new")
    (tmp_path / "inner" / "early").symlink_to("later")
    write_whole(tmp_path / "inner" / "link", b"2")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604
    assert (tmp_path / "inner" / "link").is_symlink()
    assert (tmp_path / "new").read_bytes() == b"2"
    write_whole(os.fsencode(tmp_path / "inner" / "early"), b"3")
    assert (tmp_path / "inner" / "early").is_symlink()
    assert (tmp_path / "inner" / "later").read_bytes() == b"3"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="round"):
        write_whole(tmp_path / "round", b"4")
    assert len(list(tmp_path.rglob("*"))) == 6


@pytest.mark.skipif(os.name != "posix", reason="devices and pipes are POSIX's")
def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    for path in (tmp_path / "pipe", "/dev/null"):
        check_place(path)
        write_whole(path, b"through")
    assert os.read(reader, 20) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"")


def test_a_place_is_checked(tmp_path, monkeypatch):
    """By a file that is made there; what is there is left alone, and the error names it."""
    (tmp_path / "file").write_bytes(b"old")
    check_place(tmp_path / "file")
    check_place(tmp_path / "other")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]
    for wrong in (tmp_path / "no" / "file", tmp_path / "file" / "file", tmp_path / ("n" * 300)):
        with pytest.raises(OSError, match=f"{wrong.name}'$"):
            check_place(wrong)
    fail("write", monkeypatch)
    with pytest.raises(OSError, match="No space"):
        check_place(tmp_path / "file")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_a_folder_is_whole_too(tmp_path):
    """It is there once it was filled; one that was there stays; none is left at the end."""
    with whole_folder(tmp_path / "new") as folder:
        Path(folder).mkdir()
        (Path(folder) / "part").touch()
        assert not (tmp_path / "new").exists()
    with pytest.raises(FileExistsError, match="new"), whole_folder(tmp_path / "new"):
        pass

    def broken_off(kind):
        with kind(tmp_path / "other") as there:
            there.write(b"half") if kind is whole else Path(there).mkdir()
            raise KeyboardInterrupt

    for kind in (whole, whole_folder):
        with pytest.raises(KeyboardInterrupt):
            broken_off(kind)
    with whole_folder(tmp_path / "third") as folder:
        Path(folder).mkdir()
        _writing.clear()
        assert sorted(tmp_path.iterdir()) == [tmp_path / "new"]
        Path(folder).mkdir()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["new", "part", "third"]


SAVING = """
import os, sys, numpy as np, gpudict
coders = [gpudict.SparseCoder(np.full((400, 400), value)) for value in (1.0, 2.0)]
for _ in sys.stdin:
    if child := os.fork():
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)
    while not child:
        for coder in coders:
            coder.save(sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it kills what it forks")
def test_killed_while_it_saves(tmp_path: Path):
    """At any moment: what can be loaded is the old model or the new one."""
    target, rng = tmp_path / "model", random.Random(0)
    environment = {**os.environ, "PYTHONPATH": str(Path(gpudict.__file__).parent.parent)}
    fitted(gpudict.SparseCoder).save(target)
    command = [sys.executable, "-c", SAVING, str(target)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as parent:
        for _ in range(12):
            parent.stdin.write("go\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            time.sleep(rng.uniform(0.01, 0.1))
            os.kill(child, signal.SIGKILL)
            assert parent.stdout.readline() == "gone\n"
            dictionary = gpudict.load(target).dictionary
            assert len(np.unique(dictionary)) == 1 or dictionary.shape == (8, 12)
        parent.stdin.close()
