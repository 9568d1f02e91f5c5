"""Time and model gpudict on a GPU, and write a JSON file.

python -m benchmarks.gpu --first-contact        # whether all is right there: see contact/
python -m benchmarks.gpu                        # PyTorch on the first CUDA device
python -m benchmarks.gpu --library cupy
python -m benchmarks.gpu --device cpu --problem signal     # a rehearsal without a GPU
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any

if importlib.util.find_spec("torch") is None:
    raise SystemExit("benchmarks.gpu needs PyTorch: python -m pip install '.[bench]'")

from benchmarks.gpu import contestants, devices, judged, model
from benchmarks.models.cards import CARDS
from benchmarks.race import measure, problems, report, tasks
from benchmarks.race.methods import Setting
from gpudict._writing import write_whole

TASKS = {"encode": None, "omp": None, "learn": 20_000}  # rows; None is all
COMPARED = "gpudict, portable"  # what the cost model is a model of


def timed(
    task: str, problem: problems.Problem, device: devices.Device, given: argparse.Namespace
) -> dict[str, Any]:
    """Time all contestants of a task in turn, and judge what they return."""
    module, setting = tasks.load(task), Setting(given.dtype, given.threads)
    problem = module.posed(problem) if hasattr(module, "posed") else problem
    works = contestants.of(task, problem, setting, device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the judge says what was not reached
        calls = {name: work.call for name, work in works.items()}
        timings, results = measure.in_turn(calls, given.repeats)
    n, d = problem.X.shape
    return {
        "task": task,
        "problem": problem.name,
        "shape": {"n": n, "d": d, "k": len(problem.V)},
        "dtype": given.dtype,
        "threads": given.threads,
        "methods": {
            name: {
                "seconds": timing._asdict(),
                **module.judge(problem, setting, works[name].plain(results[name])),
            }
            for name, timing in timings.items()
        },
    }


def compared(
    problem: problems.Problem, found: dict[str, Any], card: str, dtype: str
) -> dict[str, Any]:
    """Set the model's expectation of the portable encode beside the measurement."""
    expected = model.expected(problem, dtype, judged.GAP[dtype], card)
    seconds = found["methods"][COMPARED]["seconds"]["median"]
    return {**expected, "measured_seconds": seconds, "ratio": seconds / expected["seconds"]}


def run(given: argparse.Namespace, device: devices.Device) -> dict[str, Any]:
    """Do all there is to do, and return all that there is to know of it."""
    problem = problems.load(given.problem, given.rows)
    found = {
        name: timed(name, problem._replace(X=problem.X[:rows]), device, given)
        for name, rows in TASKS.items()
    }
    own = model.card_of(device.facts["name"])
    return {
        "device": device.facts,
        "library": device.library,
        "kernels": os.environ.get("GPUDICT_KERNELS", "all that can run"),
        "machine": measure.machine(),
        "repeats": given.repeats,
        "tasks": found,
        "model": {
            **compared(problem, found["encode"], own or given.card, given.dtype),
            "same_card": own is not None,  # else the ratio is between two
        },
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    made.add_argument("--library", choices=("torch", "cupy"), default="torch")
    made.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    made.add_argument("--problem", choices=("patches8", "patches10", "signal"), default="patches8")
    made.add_argument("--rows", type=int)
    made.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    made.add_argument("--threads", type=int, default=os.cpu_count(), help="of the CPU's methods")
    made.add_argument("--repeats", type=int, default=5)
    made.add_argument(
        "--card",
        choices=tuple(CARDS),
        default="H100",
        help="modelled if the model lacks the device",
    )
    made.add_argument("--out", type=Path, default=Path("bench/gpu"), help="folder (bench/gpu)")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run it; return 1 where there is no device."""
    line = parser()
    given = line.parse_args(argv)
    if measure.restricted():
        line.error(f"unset {', '.join(measure.restricted())}: they hold BLAS back")
    if given.device == "cpu" and given.library == "cupy":
        line.error("--device cpu is a rehearsal with PyTorch's tensors: leave --library out")
    if given.device == "cpu":  # PyTorch's tensors would go to the host's compiled solvers
        os.environ["GPUDICT_KERNELS"] = "portable"
    try:
        device = devices.find(given.library, given.device)
    except devices.Absent as error:
        print(error, file=sys.stderr)
        return 1
    result = run(given, device)
    given.out.mkdir(parents=True, exist_ok=True)
    where = re.sub(r"\W+", "-", device.facts["name"]).strip("-")
    path = given.out / f"gpu-{where}-{device.library}-{given.problem}-{given.dtype}.json"
    write_whole(path, (json.dumps(result, indent=1) + "\n").encode())
    print(report.table(list(result["tasks"].values())))
    print(f"{json.dumps(result['model'])}\n{path}")
    return 0
