"""A model, not a measurement: the workloads of `workloads.py` where the kernels run, on an H100.

    python -m benchmarks.models.whole            # print the table
    python -m benchmarks.models.whole --write    # write it into benchmarks/README.md

What stands around the kernels is counted on the simulated device and priced by `cost_rules`, the
kernels by their floors (`kernels`).
"""

from __future__ import annotations

import argparse
import functools

from benchmarks.marked import put
from benchmarks.models import workloads
from benchmarks.models.device import LABEL, README, priced
from benchmarks.models.kernels import H100, counted, executed
from benchmarks.race import problems

ALPHA = 0.15  # of patches8
BEGIN, END = "<!-- whole model: begin -->", "<!-- whole model: end -->"
HEAD = "| workload, float32, by kernels | launches | of them kernels | waits | H100, ms |"


def table(rows: int = 50_000) -> str:
    """Return the Markdown table of the workloads."""
    encode = functools.partial(workloads.encode, "float32", n=rows)
    cases = {
        "encode cold": encode,
        "encode warm": functools.partial(encode, warm=True),
        "one iteration of learning, the second": functools.partial(
            workloads.learn, "float32", n=rows
        ),
        "one online step of 4,096, the third": functools.partial(workloads.online_step, "float32"),
        "update, k = d = 1,024": functools.partial(workloads.update, "float32"),
    }
    lines = [HEAD, "|---" * 5 + "|"]
    around = executed(*problems.load("patches8", 200).cast("float32"), ALPHA)
    for name, run in cases.items():
        counts = counted(run, around)
        whole, kernels = priced(counts, H100.card), sum(op.kernel for op in counts.log)
        cells = f"{whole.launches} | {kernels} | {whole.waits} | {1e3 * whole.seconds:.2f}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the table of the README")
    if parser.parse_args(argv).write:
        put(README, BEGIN, END, f"{LABEL.capitalize()}.\n\n{table()}")
    else:
        print(table())


if __name__ == "__main__":
    main()
