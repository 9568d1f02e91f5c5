"""`pytest -m gpu` for a library: the contract of the package on a device that is not the host."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.gpu.contact.steps import Asked
from benchmarks.gpu.devices import Absent

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests" / "gpu" / "test_devices.py"  # all that have the mark


def found(asked: Asked, row: str) -> Iterator[dict[str, Any]]:
    """Yield how many tests of a row passed, and what those say that did not."""
    if importlib.util.find_spec("pytest") is None:
        raise Absent("pytest is not installed: python -m pip install pytest")
    if not TESTS.exists():
        raise Absent(f"the tests are not here: run it in a checkout that has {TESTS.name}")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-m", "gpu"]
        command += ["-k", row, f"--junitxml={report}", str(TESTS)]
        done = subprocess.run(command, cwd=ROOT, check=False)
        if not report.exists():
            yield {"what": row, "raised": f"pytest ended with {done.returncode}, without a report"}
            return
        yield told(row, ElementTree.parse(report).getroot())


def told(row: str, report: ElementTree.Element) -> dict[str, Any]:
    """Return what a report of pytest says; where all were skipped, why."""
    wrong, skipped, passed = {}, [], 0
    for case in report.iter("testcase"):
        name = case.get("name", "")
        bad = [case.find(kind) for kind in ("failure", "error")]
        messages = [b.get("message", "")[:300] for b in bad if b is not None]
        aside = case.find("skipped")
        if messages:
            wrong[name] = messages[0]
        elif aside is not None:
            skipped.append(aside.get("message", ""))
        else:
            passed += 1
    if skipped and not wrong and not passed:
        return {"what": row, "could_not": skipped[0]}
    counts = {"passed": passed, "skipped": len(skipped), "failed": len(wrong), "wrong": wrong}
    return {"what": row, **counts, "agrees": passed > 0 and not wrong}
