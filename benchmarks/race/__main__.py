"""Time the methods on a task, judge what they return, and write it to a folder.

python -m benchmarks.race encode --rows 50000 --dtype float32
python -m benchmarks.race online
python -m benchmarks.race --all                   # every run of the README's tables
"""

from __future__ import annotations

import argparse
import json
import shlex
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.race import measure, methods, problems, report, tasks
from benchmarks.race.methods import Setting, Work
from gpudict._writing import write_whole

ALL = (  # the rows of the README's tables: a minute or two each, the last two ten
    "encode",
    "encode --dtype float32",
    "encode --rows 500 --methods gpudict gpudict_portable dictlearn celer skglm sklearn_lars",
    "encode --rows 50000 --dtype float32 --methods gpudict spams",
    "encode --rows 50000 --methods gpudict spams sklearn_cd",
    "omp --rows 50000 --methods gpudict spams sklearn_cd dictlearn",
    "one_row",
    "online",
    "learn",
    "sparse_pca",
)
SLOW = {  # left out of a task unless named
    "encode": ("sklearn_lars", "dictlearn", "celer", "skglm"),
    "online": ("sklearn_cd",),
    "omp": ("batched_omp",),
}


def contestants(task: str, names: list[str] | None) -> dict[str, ModuleType]:
    """Return the methods that do the task and can run here, and say which can't."""
    slow = SLOW.get(task, ())
    wanted = [n for n in methods.names() if n not in slow] if names is None else names
    if names is None and slow:
        print(f"left out, as slow, unless --methods names them: {', '.join(slow)}")
    found = {name: methods.load(name) for name in wanted}
    for why in (m for m in found.values() if isinstance(m, str)):
        print(why)
    here = {name: m for name, m in found.items() if isinstance(m, ModuleType)}
    return {name: module for name, module in here.items() if hasattr(module, task)}


def measured(
    task: ModuleType, name: str, problem: problems.Problem, given: argparse.Namespace
) -> dict[str, Any]:
    """Measure all methods in turn, and judge what they returned."""
    setting = Setting(given.dtype, given.threads)
    works: dict[str, Work] = {
        method: getattr(module, name)(problem, setting)
        for method, module in contestants(name, given.methods).items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the judge says what was not reached
        if hasattr(task, "settled"):
            works = task.settled(problem, setting, works)
        calls = {method: work.call for method, work in works.items()}
        timings, results = measure.in_turn(calls, given.repeats)
    return {
        method: {
            "seconds": timing._asdict(),
            **works[method].note,
            **task.judge(problem, setting, works[method].plain(results[method])),
        }
        for method, timing in timings.items()
    }


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Run a task as the command line says; return all that there is to know of it."""
    task = tasks.load(given.task)
    rows = task.ROWS if given.rows is None else given.rows
    problem = problems.load(given.problem or task.PROBLEM, rows)
    problem = task.posed(problem) if hasattr(task, "posed") else problem
    n, d = problem.X.shape
    return {
        "task": given.task,
        "problem": problem.name,
        "note": problem.note,
        "shape": {"n": n, "d": d, "k": len(problem.V)},
        "alpha": problem.alpha,
        "n_nonzero_coefs": problem.n_nonzero_coefs,
        "dtype": given.dtype,
        "threads": given.threads,
        "repeats": given.repeats,
        "machine": measure.machine(),
        "methods": measured(task, given.task, problem, given),
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("task", choices=tasks.names(), nargs="?")
    made.add_argument("--all", action="store_true", help="make every run of the README's tables")
    made.add_argument("--problem", choices=problems.names())
    made.add_argument("--rows", type=int)
    made.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--repeats", type=int, default=5)
    made.add_argument("--methods", nargs="+", choices=methods.names())
    made.add_argument("--out", type=Path, default=Path("bench"), help="folder (default: bench)")
    return made


def main(argv: list[str] | None = None) -> None:
    """Run a task, or all, and write what came of it."""
    line = parser()
    given = line.parse_args(argv)
    if measure.restricted():
        line.error(f"unset {', '.join(measure.restricted())}: they hold BLAS back")
    if given.task is None and not given.all:
        line.error(f"name a task ({', '.join(tasks.names())}), or pass --all")
    runs = [line.parse_args(shlex.split(words)) for words in ALL] if given.all else [given]
    given.out.mkdir(parents=True, exist_ok=True)
    for one in runs:
        try:
            result = run(one)
        except ImportError as error:
            line.error(f"{error}: python -m pip install '.[bench]'")
        shape = "x".join(str(size) for size in result["shape"].values())
        path = given.out / f"{one.task}-{result['problem']}-{shape}-{one.dtype}.json"
        write_whole(path, (json.dumps(result, indent=1) + "\n").encode())
        print(f"{report.table([result])}\n{path}", flush=True)


if __name__ == "__main__":
    main()
