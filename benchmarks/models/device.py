"""A model, not a measurement: what a workload would cost on a GPU.

    python -m benchmarks.models.device                         # every workload on every card
    python -m benchmarks.models.device encode\\ cold --card H100  # where the launches and bytes go
    python -m benchmarks.models.device --write                 # the tables of benchmarks/README.md

It runs `workloads` on the simulated device and prices what they ask of it by `cost_rules`. It
counts rightly what does not depend on the device: launches, waits, bytes, FLOPs; the milliseconds
are only as good as the constants of the card. Use it to compare programs with each other, never to
claim a time.
"""

from __future__ import annotations

import argparse
import collections
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
PARTS = {"phase": ("phase",), "function": ("phase", "function"), "line": ("phase", "line", "name")}


def priced(counts: Counts | Iterable[Operation], card: Card) -> Cost:
    """Return the sum of the costs."""
    log = counts.log if isinstance(counts, Counts) else counts
    return sum((cost(card, op) for op in log), Cost())


def outside(counts: Counts, card: Card) -> float:
    """Return the share of the seconds that is spent outside products and kernels of our own."""
    busy = priced((op for op in counts.log if op.kernel or op.name in GEMM), card)
    return 1 - busy.seconds / priced(counts, card).seconds


def by(counts: Counts, card: Card, parts: tuple[str, ...]) -> dict[str, Cost]:
    """Return the costs summed by these parts of place and name, the dearest first."""
    sums: dict[str, Cost] = collections.defaultdict(Cost)
    for op in counts.log:
        named = {**op.place._asdict(), "name": op.name}
        sums[" ".join(named[part] for part in parts)] += cost(card, op)
    return dict(sorted(sums.items(), key=lambda item: -item[1].seconds))


def table(costs: dict[str, Cost], first: int | None = None) -> str:
    """Return costs as an aligned table, its dearest lines and their total."""
    lines = [f"{'':44}{'launches':>9}{'waits':>7}{'GB':>9}{'GFLOP':>9}{'ms':>9}"]
    items = list(costs.items())[:first]
    for label, c in [*items, ("total", sum(costs.values(), Cost()))]:
        counts = f"{label:44}{c.launches:9d}{c.waits:7d}"
        lines.append(counts + f"{c.bytes / 1e9:9.3f}{c.flops / 1e9:9.2f}{c.seconds * 1e3:9.3f}")
    return "\n".join(lines)


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


def phases(run: Run, card: Card) -> str:
    """Return the Markdown table of a run's phases."""
    lines = ["| phase | launches | waits | GB | GFLOP | ms |", "|---|---|---|---|---|---|"]
    for phase, c in by(run.counts, card, ("phase",)).items():
        counted = f"{c.launches:,} | {c.waits} | {c.bytes / 1e9:.3f} | {c.flops / 1e9:,.1f}"
        lines.append(f"| {phase} | {counted} | {c.seconds * 1e3:.2f} |")
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
    card = CARDS["H100"]
    parts = [f"{LABEL.capitalize()}. Milliseconds by the constants of `cards.py`.", overview(runs)]
    for name in ("encode cold", "encode warm", "one iteration", "one online step"):
        parts += [f"Phases of `{name}`, float32, {card.name}:", phases(runs[name, "float32"], card)]
    parts += [of_activations(runs["activations", "float32"], "float32")]
    return "\n\n".join(parts)


def main(argv: list[str] | None = None) -> None:
    """Run workloads and print, or write, the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("workload", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--card", choices=tuple(CARDS), default="H100")
    parser.add_argument("--tf32", action="store_true", help="products of float32 in TF32")
    parser.add_argument("--first", type=int, default=25, help="lines of each table")
    parser.add_argument("--write", action="store_true", help="write the tables of the README")
    given = parser.parse_args(argv)
    if given.write:
        put(README, BEGIN, END, written())
        return
    card = CARDS[given.card].with_tf32() if given.tf32 else CARDS[given.card]
    for name in given.workload or WORKLOADS:
        run = WORKLOADS[name](given.dtype)
        print(f"\n{LABEL}: {name}, {given.dtype}, {card.name}: {run.note}")
        for title, parts in PARTS.items():
            print(f"\nby {title}\n{table(by(run.counts, card, parts), given.first)}")


if __name__ == "__main__":
    main()
