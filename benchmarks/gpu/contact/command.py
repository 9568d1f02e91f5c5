"""Meet a card: is all that runs there right, and what does it cost? A JSON line a step.

python -m benchmarks.gpu --first-contact                  # PyTorch on the first CUDA device
python -m benchmarks.gpu --first-contact --library cupy
python -m benchmarks.gpu --first-contact --rehearse       # without a GPU, on what stands for one
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.gpu.contact import running
from benchmarks.gpu.contact.steps import NAMES, TOTAL, Asked, named

RESULTS = Path(__file__).parents[2] / "results" / "gpu"
REHEARSED: dict[str, Any] = {"rows": 40, "atoms": 32, "dtypes": ("float32",)}
BUSY = 4  # times as long as on a card: what rehearses does other things, too


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu --first-contact",
        description=f"{__doc__}\nAt most {TOTAL} seconds. The steps are: {'; '.join(NAMES)}.",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    made.add_argument("--library", choices=("torch", "cupy"), default="torch")
    made.add_argument("--rehearse", action="store_true", help="stand-ins, and small problems")
    made.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="STEP")
    made.add_argument("--out", type=Path, help="file (benchmarks/results/gpu/CARD-first-contact…)")
    return made


def card(rehearsal: bool) -> str:
    """Return the name of the card as a word, by nvidia-smi: nothing of CUDA is loaded here."""
    if rehearsal:
        return "stand-in"
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader", "--id=0"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "card"
    return re.sub(r"\W+", "-", said.stdout).strip("-") or "card"


def summary(lines: list[dict[str, Any]]) -> str:
    """Return for people how each step ended, what is wrong, and what could not be done."""
    said = []
    for line in lines:
        wrong = [f for f in line["found"] if "raised" in f or f.get("agrees") is False]
        head = f"{line['step']}: {line['status']}, {len(line['found'])} found, {len(wrong)} wrong"
        said.append(f"{head}, {line['seconds']:.0f} of {line['limit']} s")
        said += [f"    wrong: {json.dumps(f)[:300]}" for f in wrong[:5]]
        reasons = dict.fromkeys(line["could_not"].values())
        said += [f"    could not: {why}" for why in reasons]
    return "\n".join(said)


def main(argv: list[str]) -> int:
    """Run the steps; return 1 unless all that could be done has passed, on a device."""
    given = parser().parse_args(argv)
    asked = Asked(given.library, given.rehearse, **(REHEARSED if given.rehearse else {}))
    name = f"{card(given.rehearse)}-{given.library}-first-contact.jsonl"
    path = given.out or RESULTS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    with path.open("w", encoding="utf-8") as file:
        for step in map(named, given.only):
            step = step._replace(limit=step.limit * (BUSY if given.rehearse else 1))
            lines.append(running.line(step, running.command(step, asked)))
            for target in (file, sys.stdout):
                print(json.dumps(lines[-1]), file=target, flush=True)
    print(f"{summary(lines)}\n{path}", file=sys.stderr)
    ended = {line["status"] for line in lines}
    passed = [line["step"] for line in lines if line["status"] == running.PASSED]
    return 0 if ended <= {running.PASSED, running.NOT} and set(passed) - {NAMES[0]} else 1
