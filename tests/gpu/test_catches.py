"""The table of what catches what is current, and the solver as it is passes every layer."""

from __future__ import annotations

import pytest

from tests.gpu import catches, catching, kernel_catches, launch_catches


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells of a Markdown table by its first column."""
    lines = [line.strip("|").split("|") for line in text.strip().splitlines() if line[:1] == "|"]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines}


@pytest.mark.parametrize(
    "catches",
    [
        pytest.param(catches, id="solver", marks=pytest.mark.slow),
        pytest.param(kernel_catches, id="kernel", marks=pytest.mark.by_hand),
        pytest.param(launch_catches, id="launch", marks=pytest.mark.by_hand),
    ],
)
def test_the_table_is_current(simulated, catches):
    text = catching.README.read_text().split(catches.BEGIN)[1].split(catches.END)[0]
    written, now = rows(text), rows(catches.table())
    assert written.keys() == now.keys()
    for bug, cells in now.items():
        for layer, before, found in zip(catches.LAYERS, written[bug], cells, strict=True):
            absent = "–" in (before, found)  # a layer that one of the two machines lacks
            assert absent or before == found, f"{bug} on {layer}: {before} became {found}"
    assert set(now[catches.CLEAN]) <= {".", "–"}
    for bug in now.keys() - {"bug", catches.CLEAN, "---"}:
        assert "yes" in now[bug], f"no layer catches {bug!r}"
