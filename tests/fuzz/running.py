"""What the scripts share: the command line of a run, its corpus, and how atheris is called."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def run(name: str, about: str | None, one: Callable[[bytes], None]) -> None:
    """Fuzz what takes bytes, beginning with the corpus of that name; found inputs go to a folder.

    Whatever leaves `one` as an exception ends the run, and its input is kept.
    """
    import atheris

    line = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    line.add_argument("--minutes", type=float, default=10)
    line.add_argument("--found", type=Path, help="folder of inputs (default: a temporary one)")
    line.add_argument("inputs", nargs="*", type=Path, help="run these once, and no others")
    given = line.parse_args()
    if given.inputs:
        for path in given.inputs:
            one(path.read_bytes())
        return
    found = given.found or Path(tempfile.mkdtemp(prefix="gpudict-fuzz-"))
    found.mkdir(parents=True, exist_ok=True)
    for path in (CORPUS / name).iterdir():
        shutil.copy(path, found)
    options = [
        f"-max_total_time={round(60 * given.minutes)}",
        f"-artifact_prefix={found}/",
        "-max_len=20000",
        "-timeout=60",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(found)], one)
    atheris.Fuzz()
