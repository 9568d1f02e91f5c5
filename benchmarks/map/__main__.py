"""Run the map, a row after the other, and draw it.

python -m benchmarks.map                       # all rows, in some 7 minutes: map.json, .md and .png
python -m benchmarks.map --only OMP online     # rows with one of these words; the others stay
python -m benchmarks.map --report --write      # nothing is run: table and summary into the README
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

from benchmarks.map import field, report
from benchmarks.map.rows import ROWS, Row, posed
from benchmarks.map.verdict import judged
from benchmarks.race import measure
from gpudict._writing import write_whole
from gpudict.coding.plan import TOLERANCE


def run(row: Row) -> dict[str, Any]:
    """Run a row; return all that there is to know of it, or why it can't be run."""
    about: dict[str, Any] = {
        "name": row.name,
        "task": row.task,
        "shape": {"n": row.n, "d": row.d, "k": row.k},
        "weight": row.weight,
        "dtype": row.dtype,
        "positive": row.positive,
        "tolerance": TOLERANCE[row.dtype],
    }
    ways, about["absent"] = field.entered(row.task, row.dtype)
    if field.MINE not in {way.who for way in ways}:
        return about | {"missing": f"gpudict has no {row.task} in this version"}
    try:
        problem = posed(row)
    except ImportError as error:
        return about | {"missing": f"{error}: python -m pip install '.[bench]'"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the judge says what was not reached
        runs = field.runs(row.task, problem, row.dtype, ways)
        return about | {"note": problem.note} | judged(row, problem, runs)


def merged(path: Path, *fresh: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows in the table's order: fresh ones, and what the file has of the others."""
    kept = json.loads(path.read_text())["rows"] if path.exists() else []
    known = {one["name"]: one for one in [*kept, *fresh]}
    return [known[row.name] for row in ROWS if row.name in known]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--only", nargs="+", default=[""], metavar="WORDS", help="rows that have one")
    made.add_argument("--report", action="store_true", help="run nothing, draw what is there")
    made.add_argument("--out", type=Path, default=Path("bench"), help="folder (default: bench)")
    made.add_argument("--write", action="store_true", help="write the table of the README too")
    return made


def main(argv: list[str] | None = None) -> None:
    """Run the rows, write them and draw the map."""
    line = parser()
    given = line.parse_args(argv)
    chosen = [row for row in ROWS if any(words in row.name for words in given.only)]
    if not chosen:
        line.error(f"no row has {' or '.join(given.only)} in its name")
    if measure.restricted():
        line.error(f"unset {', '.join(measure.restricted())}: they hold BLAS back")
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "map.json"
    for row in () if given.report else chosen:
        found, took = measure.once(lambda row=row: run(row))
        print(f"{report.cells(found)} took {took:.1f} s", flush=True)
        whole = {"machine": measure.machine(), "rows": merged(path, found)}
        write_whole(path, (json.dumps(whole, indent=1) + "\n").encode())
    report.write(merged(path), given.out, into_readme=given.write)


if __name__ == "__main__":
    main()
