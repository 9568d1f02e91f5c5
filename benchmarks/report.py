"""Make a table and a picture of results/*.json: `python -m benchmarks.report` writes report.md and
report.png beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.run import RESULTS

COLOURS = {"gpudict": "#0072b2"}  # Okabe and Ito's
OTHERS = "#999999"


def load(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the results in the order of their names."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def table(results: list[dict[str, Any]]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "| task | method | seconds, median (least–most) | × gpudict | judged in float64 |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        mine = result["methods"].get("gpudict", {}).get("seconds", {}).get("median")
        for name, row in result["methods"].items():
            s = row["seconds"]
            ratio = f"{s['median'] / mine:.1f}" if mine else "–"
            lines.append(
                f"| {title(result)} | {name} | {s['median']:.3f} ({s['least']:.3f}–{s['most']:.3f})"
                f" | {ratio} | {verdict(row)} |"
            )
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
        return f"largest gap {row['gap']:.1e}·½‖x‖², {row['nonzeros']:.1f} non-zeros a row"
    return f"squared error {row['squared_error']:.4f}·‖X‖²"


def figure(results: list[dict[str, Any]]) -> Any:
    """Return a matplotlib figure: a panel a result, a bar a method, seconds to the right."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(9, 1.9 * len(results)), layout="constrained")
    panels = drawn.subplots(len(results), 1, squeeze=False)[:, 0]
    for axes, result in zip(panels, results, strict=True):
        rows = result["methods"]
        seconds = [row["seconds"]["median"] for row in rows.values()]
        bars = axes.barh(list(rows), seconds, color=[COLOURS.get(name, OTHERS) for name in rows])
        axes.bar_label(bars, fmt=" %.3g s")
        axes.set_title(title(result), fontsize=10, loc="left")
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("seconds, median")
    return drawn


def main() -> None:
    """Write the table and the picture."""
    results = load()
    (RESULTS / "report.md").write_text(table(results) + "\n")
    figure(results).savefig(RESULTS / "report.png", dpi=120)
    print(table(results))


if __name__ == "__main__":
    main()
