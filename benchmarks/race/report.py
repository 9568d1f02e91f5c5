"""Make tables and pictures of the results in a folder: report.md, report.png and scaling.png there.

python -m benchmarks.race.report                     # of ./bench, or of the folder that is named
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from gpudict._writing import write_whole
from gpudict.tools.picture import save

MINE = "gpudict"
COLOURS = {MINE: "#0072b2", f"{MINE}_portable": "#56b4e9"}  # Okabe and Ito's
OTHERS = "#999999"


def load(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return the results in the order of their names, and the scaling study if there is one."""
    scaling = folder / "scaling.json"
    others = (scaling, folder / "map.json", folder / "schedule.json")  # with reports of their own
    paths = [path for path in sorted(folder.glob("*.json")) if path not in others]
    results = [json.loads(path.read_text()) for path in paths]
    return results, json.loads(scaling.read_text()) if scaling.exists() else None


def table(results: list[dict[str, Any]]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "| task | method | seconds, median (least–most) | × gpudict | judged in float64 |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        mine = result["methods"].get(MINE, {}).get("seconds", {}).get("median")
        for name, row in result["methods"].items():
            s = row["seconds"]
            ratio = f"{s['median'] / mine:.2g}" if mine else "–"
            lines.append(
                f"| {title(result)} | {name} | {s['median']:.3g} ({s['least']:.3g}–{s['most']:.3g})"
                f" | {ratio} | {verdict(row)} |"
            )
    return "\n".join(lines)


def exponents(scaling: dict[str, Any]) -> str:
    """Return the scaling study as a Markdown table."""
    lines = ["| size | values | seconds, median | exponent |", "|---|---|---|---|"]
    for name, found in scaling["series"].items():
        medians = ", ".join(f"{s['median']:.3g}" for s in found["seconds"].values())
        values = ", ".join(found["seconds"])
        lines.append(f"| {name} | {values} | {medians} | {found['exponent']:.2f} |")
    return "\n".join(lines)


def title(result: dict[str, Any]) -> str:
    """Return what was done, in a line."""
    shape = result["shape"]
    return (
        f"{result['task']}, {result['problem']}, {shape['n']:,} × {shape['d']}, k = {shape['k']:,},"
        f" {result['dtype']}, {result['threads']} threads"
    )


def verdict(row: dict[str, Any]) -> str:
    """Return the judge's numbers."""
    if "gap" in row:
        rest = f"median {row['median_gap']:.0e}, {row['loose']} rows above 1e-5"
        return f"largest gap {row['gap']:.1e}·½‖x‖² ({rest}), {row['nonzeros']:.1f} non-zeros a row"
    if "squared_error" in row:
        return f"squared error {row['squared_error']:.4f}·‖X‖²"
    return f"cost {row['cost']:.6g}" + (f", {row['batches']} batches" if "batches" in row else "")


def figure(results: list[dict[str, Any]]) -> Any:
    """Return a matplotlib figure: a panel a result, a bar a method, seconds to the right."""
    from matplotlib.figure import Figure

    bars = sum(len(result["methods"]) for result in results)
    drawn = Figure(figsize=(9, 0.8 * len(results) + 0.3 * bars), layout="constrained")
    heights = [len(result["methods"]) + 1 for result in results]
    panels = drawn.subplots(len(results), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, result in zip(panels, results, strict=True):
        rows = result["methods"]
        seconds = [row["seconds"]["median"] for row in rows.values()]
        colours = [COLOURS.get(name, OTHERS) for name in rows]
        axes.bar_label(axes.barh(list(rows), seconds, color=colours), fmt=" %.3g s")
        axes.set_title(title(result), fontsize=10, loc="left")
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("seconds, median")
    return drawn


def growth(scaling: dict[str, Any]) -> Any:
    """Return a matplotlib figure: a panel a size, seconds over it, both logarithmic."""
    from matplotlib.figure import Figure

    series = scaling["series"]
    drawn = Figure(figsize=(3 * len(series), 3), layout="constrained")
    for axes, (name, found) in zip(drawn.subplots(1, len(series)), series.items(), strict=True):
        sizes = [int(size) for size in found["seconds"]]
        seconds = [s["median"] for s in found["seconds"].values()]
        axes.loglog(sizes, seconds, "o-", color=COLOURS[MINE])
        for ticks, values, form in (
            (axes.set_xticks, sizes, ","),
            (axes.set_yticks, seconds, ".3g"),
        ):
            ticks(values, [f"{value:{form}}" for value in values])
            ticks([], minor=True)
        axes.set_title(f"{name}: exponent {found['exponent']:.2f}", fontsize=10, loc="left")
        axes.set_xlabel(name)
        axes.spines[["top", "right"]].set_visible(False)
    drawn.supylabel("seconds, median", fontsize=10)
    return drawn


def main(argv: list[str] | None = None) -> None:
    """Write the tables and the pictures."""
    line = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    line.add_argument("folder", type=Path, nargs="?", default=Path("bench"))
    folder = line.parse_args(argv).folder
    results, scaling = load(folder)
    if not results and scaling is None:
        line.error(f"no results in {folder}: run python -m benchmarks.race first")
    text = []
    if results:
        text.append(table(results))
        save(figure(results), folder / "report.png", dpi=120)
    if scaling is not None:
        text.append(exponents(scaling))
        save(growth(scaling), folder / "scaling.png", dpi=120)
    write_whole(folder / "report.md", ("\n\n".join(text) + "\n").encode())
    print("\n\n".join(text))


if __name__ == "__main__":
    main()
