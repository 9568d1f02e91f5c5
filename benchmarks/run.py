"""Time the methods on a problem, judge them, and write results/NAME.json.

python -m benchmarks.run encode                  # the lasso, 5,000 patches, float64
python -m benchmarks.run encode --dtype float32 --rows 50000
python -m benchmarks.run omp
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import judge, measure, methods, problems

RESULTS = Path(__file__).parent / "results"
SLOW = ("sklearn_lars",)  # left out unless it is named


def contestants(names: list[str]) -> dict[str, ModuleType]:
    """Return the methods that can run here, and say which can't."""
    found = {name: methods.load(name) for name in names}
    for why in (m for m in found.values() if isinstance(m, str)):
        print(why)
    return {name: m for name, m in found.items() if isinstance(m, ModuleType)}


def run(task: str, problem: problems.Problem, given: argparse.Namespace) -> dict[str, Any]:
    """Measure one task of all methods in turn, and judge what they returned."""
    ready = {
        name: module.prepare(problem.X, problem.V, given.dtype)
        for name, module in contestants(given.methods).items()
    }
    argument = problem.alpha if task == "encode" else problem.n_nonzero_coefs
    work: dict[str, Callable[[], Any]] = {
        name: partial(getattr(p, task), argument, given.threads)
        for name, p in ready.items()
        if getattr(p, task) is not None
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the judge says what was not reached
        timings, results = measure.in_turn(work, given.repeats)
    rows = {}
    X, V = (a.astype(given.dtype) for a in (problem.X, problem.V))
    for name, timing in timings.items():
        codes = ready[name].dense(results[name])
        if task == "encode":
            verdict = judge.judge(X, V, codes, problem.alpha)._asdict()
        else:
            verdict = {"squared_error": judge.squared_error(X, V, codes)}
        rows[name] = {"seconds": timing._asdict(), **verdict}
    return rows


def main(argv: list[str] | None = None) -> None:
    """Run a task and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("task", choices=("encode", "omp"))
    parser.add_argument("--problem", choices=problems.names(), default="patches8")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--methods", nargs="*", default=[n for n in methods.names() if n not in SLOW]
    )
    given = parser.parse_args(argv)
    if measure.restricted():
        parser.error(f"unset {', '.join(measure.restricted())}: they hold BLAS back")
    problem = problems.load(given.problem, given.rows)
    n, d = problem.X.shape
    result = {
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
        "methods": run(given.task, problem, given),
    }
    path = RESULTS / f"{given.task}-{problem.name}-{n}-{given.dtype}.json"
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
