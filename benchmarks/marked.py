"""Text that a command writes between two marks of a page."""

from __future__ import annotations

from pathlib import Path

from gpudict._writing import write_whole


def put(page: Path, begin: str, end: str, text: str) -> None:
    """Write the text between the marks, in place of what stands there."""
    before, rest = page.read_text("utf-8").split(begin)
    write_whole(page, f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}".encode())
