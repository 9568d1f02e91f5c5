"""A model, not a measurement: what a workload would cost on a GPU.

    python -m benchmarks.models.device            # print the tables
    python -m benchmarks.models.device --write    # write them into benchmarks/README.md

It runs `workloads` on the simulated device and prices what they ask of it by `cost_rules`. It
counts rightly what does not depend on the device: launches, waits, bytes, FLOPs; the milliseconds
are only as good as the constants of the card. Use it to compare programs with each other, never to
claim a time.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterable
from pathlib import Path

if importlib.util.find_spec("torch") is None:
    raise SystemExit("benchmarks.models.device needs PyTorch: python -m pip install '.[bench]'")

from benchmarks.marked import put
from benchmarks.models.cards import CARDS, Card
from benchmarks.models.cost_rules import GEMM, Cost, cost
from benchmarks.models.workloads import ACTIVATIONS, WORKLOADS, Run
from benchmarks.standins.counting import Counts, Operation

LABEL = "model, not a measurement"
README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- device model: begin -->", "<!-- device model: end -->"


def priced(counts: Counts | Iterable[Operation], card: Card) -> Cost:
    """Return the sum of the costs."""
    log = counts.log if isinstance(counts, Counts) else counts
    return sum((cost(card, op) for op in log), Cost())


def outside(counts: Counts, card: Card) -> float:
    """Return the share of the seconds that is spent outside products and kernels of our own."""
    busy = priced((op for op in counts.log if op.kernel or op.name in GEMM), card)
    return 1 - busy.seconds / priced(counts, card).seconds


def overview(runs: dict[tuple[str, str], Run]) -> str:
    """Return the Markdown table of runs by (workload, dtype) on every card."""
    names = " | ".join(f"{name}, ms" for name in CARDS)
    head = f"| workload | launches | waits | GB | GFLOP | {names} | outside products (H100) |"
    lines = [head, "|---" * (6 + len(CARDS)) + "|"]
    for (workload, dtype), run in runs.items():
        c = priced(run.counts, CARDS["H100"])
        ms = [f"{priced(run.counts, card).seconds * 1e3:.1f}" for card in CARDS.values()]
        cells = [f"{workload}, {dtype}: {run.note}", f"{c.launches:,}", f"{c.waits}"]
        cells += [f"{c.bytes / 1e9:.2f}", f"{c.flops / 1e9:,.0f}", *ms]
        lines.append(f"| {' | '.join(cells)} | {outside(run.counts, CARDS['H100']):.0%} |")
    return "\n".join(lines)


def of_activations(run: Run, dtype: str) -> str:
    """Return the Markdown table of a batch of activations: memory, time, and what bounds it."""
    n, d, k = ACTIVATIONS
    batches, rows = 2, run.found.Z.shape[0]
    alive = run.counts.alive
    assert alive is not None
    inputs = (rows * d + k * d + rows * k) * run.found.Z.dtype.itemsize
    lines = [
        f"Of a batch of {rows // batches:,} rows ({dtype}, n = {n:,}, d = {d:,}, k = {k:,}): at "
        f"most {(alive.peak - inputs) / 1e9:.2f} GB beside X, the atoms and the codes that are "
        f"asked for; the largest array has {alive.largest / 1e9:.2f} GB.",
        "",
        "| card | ms a batch | of them launches and waits | moving bytes | FLOPs | all rows, s |",
        "|---|---|---|---|---|---|",
    ]
    for name, card in CARDS.items():
        c = priced(run.counts, card)
        started = c.launches * card.launch + c.waits * card.wait
        free = card._replace(launch=0, wait=0)
        slow = priced(run.counts, free._replace(bandwidth=1e30, link=1e30)).seconds
        moved = priced(run.counts, free).seconds - slow
        cells = [f"{s / batches * 1e3:.1f}" for s in (c.seconds, started, moved, slow)]
        total = c.seconds / rows * n
        lines.append(f"| {name} | {' | '.join(cells)} | {total:.1f} |")
    return "\n".join(lines)


def written() -> str:
    """Return what stands between the marks of benchmarks/README.md."""
    names = [(name, "float32") for name in WORKLOADS]
    names += [("encode cold", "float64"), ("encode warm", "float64")]
    runs = {key: WORKLOADS[key[0]](key[1]) for key in names}
    parts = [f"{LABEL.capitalize()}. Milliseconds by the constants of `cards.py`.", overview(runs)]
    return "\n\n".join([*parts, of_activations(runs["activations", "float32"], "float32")])


def main(argv: list[str] | None = None) -> None:
    """Run the workloads and print, or write, the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the tables of the README")
    if parser.parse_args(argv).write:
        put(README, BEGIN, END, written())
    else:
        print(written())


if __name__ == "__main__":
    main()
