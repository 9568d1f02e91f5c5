"""Plant bugs in a copy of the tree, one at a time, and list those that the tests near them miss.

    python -m tests.mutation --rooms objective kernels --sample 20 --seed 0

Needs `cosmic-ray`, which need not be where the tests run: --python is their interpreter. A mutant
that takes longer than --limit is killed, by the clock.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkItem

from tests.mutation.rooms import ROOMS, Room

HOUSE = Path(__file__).parents[2]
# what a slip of the hand does; others (a shift for a sum) end at once in a TypeError
KINDS = re.compile(
    r"core/(Replace(BinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Mul_Add|Div_Mul|Pow_Mul|FloorDiv_Mul"
    r"|Mod_Add|BitAnd_BitOr|BitOr_BitAnd)|ComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|Lt_Gt"
    r"|LtE_Lt|LtE_Gt|Gt_GtE|Gt_Lt|GtE_Gt|GtE_Lt|Is_IsNot|IsNot_Is)|UnaryOperator_(USub_UAdd"
    r"|Delete_\w+)|TrueWithFalse|FalseWithTrue|AndWithOr|OrWithAnd|BreakWithContinue"
    r"|ContinueWithBreak)|AddNot|NumberReplacer|ZeroIterationForLoop)$"
)


def main() -> None:
    """Parse the arguments, and go through the rooms."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--rooms", nargs="*", choices=ROOMS, default=list(ROOMS))
    parser.add_argument("--files", nargs="*", help="parts of paths: only files that have one")
    parser.add_argument("--sample", type=int, default=20, help="mutants a room; 0 is all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=90, help="seconds a mutant")
    parser.add_argument("--python", default=sys.executable, help="that runs the tests")
    parser.add_argument("--baseline", action="store_true", help="run the tests, plant nothing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "house")
        shutil.copytree(HOUSE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        os.chdir(copy)
        os.environ |= {"PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(Path(folder, "numba"))}
        os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        for name in args.rooms:
            examine(name, ROOMS[name], args)


def examine(name: str, room: Room, args: argparse.Namespace) -> None:
    """Plant the sample of a room and print what came of it."""
    command = f"{args.python} -m pytest -x -q -m 'not slow' -p no:cacheprovider {room.tests}"
    for key in ("NUMBA_DISABLE_JIT",):
        os.environ.pop(key, None)
    os.environ |= dict(room.env)
    outcome, output = run_tests(command, 10 * args.limit)  # compiles, and must pass
    say(f"{name}: {output.strip().splitlines()[-1]}")
    if outcome is not TestOutcome.SURVIVED:
        sys.exit(f"the tests of {name} fail with no bug planted\n{output[-3000:]}")
    if args.baseline:
        return
    found = mutants(room, args.files)
    chosen = random.Random(args.seed).sample(found, min(args.sample or len(found), len(found)))
    seen: Counter[str] = Counter()
    for item in chosen:
        result = mutate_and_test(item.mutations, command, args.limit)
        outcome = result.test_outcome or TestOutcome.INCOMPETENT
        late = result.output == "timeout"  # said apart: a limit that is too short kills too much
        seen["late" if late else outcome.value] += 1
        if outcome is TestOutcome.SURVIVED:
            say(f"-- {name} {item.mutations[0].operator_name}\n{result.diff}")
    say(f"{name}: {len(found)} mutants, {len(chosen)} planted, {dict(seen)}")


def say(line: str) -> None:
    """Write a line now: a run takes long, and may be stopped."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def mutants(room: Room, wanted: list[str] | None) -> list[WorkItem]:
    """Return what can be planted in the files of a room, but for what is only a type."""
    files = sorted({file for glob in room.files for file in Path().glob(glob)})
    files = [f for f in files if f.name not in room.without]
    if wanted:
        files = [f for f in files if any(part in str(f) for part in wanted)]
    types = {file: annotations(file) for file in files}
    with use_db(":memory:", WorkDB.Mode.create) as db:
        init(files, db, {})
        found = list(db.work_items)
    found = [item for item in found if KINDS.match(item.mutations[0].operator_name)]
    found = [i for i in found if not _no_code(i, types[i.mutations[0].module_path])]
    key = lambda i: (str(i.mutations[0].module_path), i.mutations[0].operator_name)  # noqa: E731
    return sorted(found, key=lambda i: (*key(i), i.mutations[0].occurrence))


def annotations(file: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where types, and the marks * and / of parameters are written: no code to change."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    found = [getattr(node, word, None) for node in nodes for word in ("annotation", "returns")]
    spans = [
        ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        for node in found
        if node is not None
    ]
    defined = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    lines = file.read_text().splitlines()
    for node in defined:
        for number in range(node.lineno, node.body[0].lineno):
            marks = re.finditer(r"[*/](?=[,)])", lines[number - 1])
            spans += [((number, mark.start()), (number, mark.end())) for mark in marks]
    return spans


def _no_code(item: WorkItem, spans: list[tuple[tuple[int, int], tuple[int, int]]]) -> bool:
    start = item.mutations[0].start_pos
    return any(low <= start <= high for low, high in spans)


if __name__ == "__main__":
    main()
