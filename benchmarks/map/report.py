"""The map as a table, a summary and a picture: seconds of each rival over gpudict's."""

from __future__ import annotations

from math import exp, log
from pathlib import Path
from typing import Any

from benchmarks.map.field import MINE, WHO
from benchmarks.marked import put
from gpudict._writing import write_whole
from gpudict.tools.picture import save

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- map: begin -->", "<!-- map: end -->"
RIVALS = tuple(who for who in WHO if who != MINE)
COLUMNS = ("SPAMS", "scikit-learn")
COLOURS = {
    "SPAMS": "#0072b2",
    "scikit-learn": "#e69f00",
    "celer": "#009e73",
    "batched OMP": "#999999",
}
LOST = "#d55e00"  # Okabe and Ito's
LASSO, PURSUITS = ("encode", "one_row"), ("omp", "ols")

Rows = list[dict[str, Any]]


def ratios(rows: Rows, who: str, tasks: tuple[str, ...] = ()) -> list[float]:
    """Return the ratios to a rival that did it, of the rows of these tasks or of all."""
    some = [row for row in rows if MINE in row and (not tasks or row["task"] in tasks)]
    entries = [row["rivals"][who] for row in some if who in row["rivals"]]
    return [entry["ratio"] for entry in entries if entry["loss"] is not None]


def mean(values: list[float]) -> str:
    """Return the geometric mean, as text."""
    return _times(exp(sum(map(log, values)) / len(values))) if values else "–"


def summary(rows: Rows) -> str:
    """Return what all rows come to, a list."""
    ran = [row for row in rows if MINE in row]
    certified = [row for row in ran if "certified" in row[MINE]]
    judged = max((r[MINE]["gap"] / r["tolerance"] for r in ran if "gap" in r[MINE]), default=0)
    claimed = max((r[MINE]["certified"] / r["tolerance"] for r in certified), default=0)
    slower = [r["name"] for r in ran if any(rival["ratio"] < 1 for rival in r["rivals"].values())]
    lower = sum(any(rival["lower"] for rival in row["rivals"].values()) for row in ran)
    lines = [
        f"rows: {len(ran)}; a rival is faster in {len(slower)}{_named(slower)}",
        f"SPAMS takes {mean(ratios(rows, 'SPAMS', LASSO))} times as long in the lasso rows,"
        f" {mean(ratios(rows, 'SPAMS', PURSUITS))} in the pursuits,"
        f" {mean(ratios(rows, 'SPAMS', ('online',)))} online (geometric means);"
        f" scikit-learn {mean(ratios(rows, 'scikit-learn'))} in all rows,"
        f" celer {mean(ratios(rows, 'celer'))}, batched OMP {mean(ratios(rows, 'batched OMP'))}",
        f"no lasso code of gpudict's is further from its optimum than {claimed:.2g} of the"
        f" tolerance, or {judged:.2g} by the judge, who is outside",
        f"what is left by a rival is less, by more than the tolerance, in {lower} (▼; SPAMS's OMP"
        " is orthogonal least squares)",
    ]
    whys = sorted({row["missing"] for row in rows if "missing" in row})
    lines += [
        f"not run, as {why}{_named([row['name'] for row in rows if row.get('missing') == why])}"
        for why in whys
    ]
    absent = sorted({why for row in rows for why in row["absent"]})
    lines += ["; ".join(absent)] * bool(absent)
    return "\n".join(f"- {line}" for line in lines)


def _named(names: list[str]) -> str:
    return f": {'; '.join(names)}" if names else ""


def table(rows: Rows) -> str:
    """Return the rows as a Markdown table."""
    head = ("work", "n × d, k", MINE, *COLUMNS, "others")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join(lines + [cells(row) for row in rows])


def cells(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    n, d, k = row["shape"].values()
    name = f"| {row['name']} | {n:,} × {d:,}, {k:,} |"
    if MINE not in row:
        return f"{name} not run: {row['missing']} |" + " – |" * (len(COLUMNS) + 1)
    rivals = row["rivals"]
    named = [_rival(rivals[who]) if who in rivals else "–" for who in COLUMNS]
    others = [
        f"{who} {_rival(rivals[who])}" for who in RIVALS if who in rivals and who not in COLUMNS
    ]
    mine = row[MINE]
    reached = f"{mine['gap']:.0e}" if "gap" in mine else f"{mine['loss']:.4g}"
    first = f"{_seconds(mine['seconds'])} ({reached})"
    return f"{name} {' | '.join([first, *named, '; '.join(others) or '–'])} |"


def _rival(entry: dict[str, Any]) -> str:
    """Return a rival's ratio: bold where it is faster, ~ of a share, ▼ where its loss is lower."""
    if entry["loss"] is None:
        return "no numbers"
    text = f"{_times(entry['ratio'])} ×"
    if entry["ratio"] < 1:
        text = f"**{text}**"
    share = "~" if entry["scaled"] else ""
    reached = f"{entry['gap']:.0e}" if "gap" in entry else f"{100 * entry['above']:+.2f} %"
    return f"{share}{text} ({reached}){' ▼' if entry['lower'] else ''}"


def _times(ratio: float) -> str:
    """Return a ratio with two digits, or all before the point."""
    return f"{ratio:.2g}" if ratio < 10 else f"{ratio:,.0f}"


def _seconds(seconds: float) -> str:
    """Return a time with its unit."""
    return f"{seconds:.2g} s" if seconds >= 0.1 else f"{1e3 * seconds:.2g} ms"


def figure(rows: Rows) -> Any:
    """Return a matplotlib figure: a row a line, a bar to SPAMS's ratio, a point for each other."""
    from matplotlib.figure import Figure

    ran = [row for row in rows if MINE in row and row["rivals"]]
    drawn = Figure(figsize=(5, 0.21 * len(ran) + 1), layout="constrained")
    axes = drawn.subplots()
    for at, row in enumerate(ran):
        for who, entry in row["rivals"].items():
            ratio = entry["ratio"]
            colour = LOST if ratio < 1 else COLOURS[who]
            if who == "SPAMS":
                axes.barh(at, ratio - 1, left=1, color=colour, height=0.7)
            else:
                axes.plot(ratio, at, "o", color=colour, markersize=4, zorder=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(ran)), [row["name"] for row in ran], fontsize=8)
    axes.set_ylim(len(ran) - 0.4, -0.6)
    axes.xaxis.set_major_formatter("{x:,g} ×")
    axes.tick_params("x", top=True, labeltop=True, labelsize=8)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("a rival's seconds / gpudict's", fontsize=8)
    drawn.legend(handles=_legend(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return drawn


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    points = [
        Line2D([], [], marker="o", linestyle="", color=COLOURS[who], label=who)
        for who in RIVALS
        if who != "SPAMS"
    ]
    return [
        Patch(color=COLOURS["SPAMS"], label="SPAMS"),
        *points,
        Patch(color=LOST, label="faster"),
    ]


def write(rows: Rows, folder: Path, into_readme: bool) -> None:
    """Write map.md and map.png to the folder, and the summary to the README if asked."""
    text = f"{summary(rows)}\n\n{table(rows)}"
    write_whole(folder / "map.md", f"{text}\n".encode())
    save(figure(rows), folder / "map.png", dpi=160)
    if into_readme:
        put(README, BEGIN, END, summary(rows))
    print(summary(rows))
