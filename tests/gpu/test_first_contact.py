"""The first contact with a card: a line a step, whatever it does; and wrong is called wrong."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

import gpudict
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import batched_omp, judged
from benchmarks.gpu.contact import counted, instruments, kernels, running, tests, work
from benchmarks.gpu.contact.steps import NAMES, STEPS, TOTAL, Asked, Step, tried
from benchmarks.gpu.devices import Absent, Device
from benchmarks.standins import warps
from gpudict.solvers.cuda import _launch
from tests.support import oracles, problems

ROOT = Path(command.__file__).parents[2]
GOOD = {"what": "a thing", "gap": 1e-6, "agrees": True}
ENDS = {  # what a step does after its first finding, and what its line has to say
    "": "passed",
    "import os; os.kill(os.getpid(), 11)": "died of SIGSEGV",
    "raise RuntimeError('the device is gone')": "ended with 1",
    "tell('no JSON')": "rubbish",
    "tell('[1, 2]')": "rubbish",
    "tell('{\"agrees\": false}')": "wrong",
    'tell(\'{"raised": "an error"}\')': "wrong",
    "print('x' * 10**6, chr(0))": "passed",
    "print('x' * 10**6, chr(0)); sys.exit(3)": "ended with 3",
}


def ran(code: str, limit: float = 60, *, first: str = json.dumps(GOOD)) -> dict:
    """Return the line of a step that tells of one thing and then does this."""
    tell = "import sys; tell = lambda x: print(x, file=open(sys.argv[1], 'a'), flush=True)"
    told = [f"tell({first!r})"] if first else []
    step = Step("a step", limit, "none")
    return running.line(step, [sys.executable, "-c", "\n".join([tell, *told, code])])


def test_the_limits_are_kept():
    assert sum(step.limit + running.PATIENCE for step in STEPS) <= TOTAL == 720
    assert len(set(NAMES)) == len(STEPS)


@pytest.mark.parametrize("code", ENDS)
def test_a_step_yields_its_line_whatever_it_does(code: str):
    """And what it found until then is in it."""
    line = ran(code)
    assert line["status"] == ENDS[code]
    assert line["found"][0] == GOOD
    assert json.loads(json.dumps(line)) == line
    assert len(line.get("said", "")) <= running.TAIL
    if "gone" in code:
        assert "the device is gone" in line["said"]


def test_what_found_nothing_has_not_passed():
    assert ran("", first="")["status"] == "rubbish"
    line = ran("", first='{"what": "a tool", "could_not": "it is not here"}')
    assert (line["status"], line["found"]) == ("could not", [])
    assert line["could_not"] == {"a tool": "it is not here"}


def test_a_step_that_hangs_is_killed_with_what_it_started(tmp_path: Path):
    """What it found stays; no compiler and no test runs on beside the next step."""
    note = tmp_path / "pid"
    code = f"""
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen(["sleep", "600"])
print(other.pid, file=open({str(note)!r}, "w"), flush=True)
other.wait()"""
    line = ran(code, 2)
    assert (line["status"], line["found"]) == ("killed at its limit", [GOOD])
    state = Path(f"/proc/{int(note.read_text())}/stat")
    for _ in range(500):  # it goes in its own time
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("what it started is alive")


def test_a_step_that_breaks_says_so():
    """Run as the command runs it: here one that is in no table."""
    step = Step("none", 30, "none")
    line = running.line(step, running.command(step, Asked("torch")))
    assert line["status"] == "ended with 1"
    assert "Error" in line["said"]


@pytest.mark.parametrize(("wrong", "status"), [("", 0), ("wrong", 1), ("died of SIGSEGV", 1)])
def test_the_command_says_whether_all_is_right(wrong, status, tmp_path, monkeypatch, capsys):
    """By its status; all lines are on the screen and in the file, and people get a summary."""

    def line(step: Step, command: list[str]) -> dict:
        ended = wrong if wrong and step.name == NAMES[1] else "passed"
        thing = {**GOOD, "agrees": not wrong}
        lacks = {"a tool": "it is not here"}
        made = {"step": step.name, "status": ended, "found": [thing], "could_not": lacks}
        return {**made, "seconds": 1.0, "limit": step.limit}

    monkeypatch.setattr(running, "line", line)
    out = tmp_path / "new" / "lines.jsonl"
    assert command.main(["--first-contact", "--rehearse", "--out", str(out)]) == status
    said = capsys.readouterr()
    assert said.out == out.read_text()
    assert [json.loads(text)["step"] for text in said.out.splitlines()] == list(NAMES)
    assert f"{NAMES[1]}: {wrong or 'passed'}" in said.err
    assert "could not: it is not here" in said.err
    assert ("wrong: {" in said.err) is bool(wrong)


def test_the_command_has_met_no_card_where_only_versions_pass(tmp_path, monkeypatch):
    def line(step: Step, command: list[str]) -> dict:
        ended = "passed" if step.name == NAMES[0] else "could not"
        made = {"step": step.name, "status": ended, "found": [], "could_not": {}}
        return {**made, "seconds": 1.0, "limit": step.limit}

    monkeypatch.setattr(running, "line", line)
    assert command.main(["--first-contact", "--rehearse", "--out", str(tmp_path / "lines")]) == 1


def test_numbers_that_are_none_are_words():
    numbers = {"gap": float("nan"), "of": [np.float32(0.5), np.int64(2), float("inf")]}
    assert running.plain(numbers) == {"gap": "nan", "of": [0.5, 2, "inf"]}
    assert judged.kept(1.0, gap=float("nan"))["agrees"] is False


OFF = {"lasso": 2e-2, "pursuit": 0.2}


@pytest.mark.parametrize("kind", OFF)
def test_wrong_codes_are_noticed(kind: str, dtype: str):
    """Codes of atoms that are a little off do not agree, those of the right ones do."""
    problem = judged.planted(60, 12, 20)
    X, V = problem.cast(dtype)
    of = {"n_nonzero_coefs": 5} if kind == "pursuit" else {"alpha": problem.alpha}
    judge = getattr(judged, kind)
    for off, agrees in ((0, True), (OFF[kind], False)):
        found = gpudict.encode(X, V + off * np.roll(V, 1, axis=1), **of)
        found = found.Z if kind == "pursuit" else found
        assert judge(problem, dtype, found, judged.some_of(60))["agrees"] is agrees


def test_rows_that_did_not_converge_are_noticed():
    """Also those that the host does not code again."""
    problem = judged.planted(200, 12, 20)
    found = gpudict.encode(problem.X, problem.V, alpha=problem.alpha)
    some = judged.some_of(200)
    assert judged.lasso(problem, "float64", found, some)["agrees"]
    found.converged[some.step + 1] = False
    said = judged.lasso(problem, "float64", found, some)
    assert (said["agrees"], said["unconverged"]) == (False, 1)


def test_wrong_atoms_are_noticed():
    for off, agrees in ((0, True), (1e-4, False)):
        move = lambda a, off=off: a + off * np.roll(a, 1, axis=1)  # noqa: E731
        device = Device("numpy", move, lambda: None, None, {})
        assert judged.learning(judged.planted(60, 12, 8), device)["agrees"] is agrees


def test_more_than_was_counted_is_noticed():
    """Launches beyond those of the stand-ins, memory beyond the count of room."""
    known = {"kernels": 100, "to_host": 4}
    assert counted.beside({"kernels": 130, "to_host": 4}, known)["agrees"]
    assert not counted.beside({"kernels": 180, "to_host": 4}, known)["agrees"]
    assert not counted.beside({"kernels": 100, "to_host": 40}, known)["agrees"]
    device = Device("numpy", np.asarray, lambda: None, None, {})
    for much, agrees in ((1, True), (1e9, False)):
        has = SimpleNamespace(peak=lambda call, much=much: much)
        assert counted.room(50, 12, 20, "float32", device, has)["agrees"] is agrees


def test_the_instruments_of_a_card_are_read_rightly(monkeypatch: pytest.MonkeyPatch):
    """Milliseconds of events, kernels among copies, bytes beside what was there: PyTorch's own."""
    torch = pytest.importorskip("torch")
    done: list[str] = []
    note = lambda name, value=None: lambda *_, **__: done.append(name) or value  # noqa: E731
    event = SimpleNamespace(record=note("event"), synchronize=note("waited"))
    event.elapsed_time = note("elapsed", 250.0)
    fakes = {"Event": note("made", event), "synchronize": note("waited"), "empty_cache": note("")}
    fakes |= {"memory_allocated": note("now", 1000), "max_memory_allocated": note("most", 1700)}
    fakes |= {"reset_peak_memory_stats": note("reset"), "is_available": note("asked", True)}
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    has, call = instruments.of("torch"), note("call")
    assert has.seconds(call) == 0.25
    assert done == ["made", "made", "waited", "event", "call", "event", "waited", "elapsed"]
    done.clear()
    assert has.peak(call) == 700
    assert done == ["waited", "", "reset", "now", "call", "waited", "most"]
    kinds = torch.autograd.DeviceType
    names = ("lasso", "lasso", "gemm", "Memcpy DtoH (Device -> Pageable)", "Memset (Device)")
    seen = [SimpleNamespace(name=name, device_type=kinds.CUDA) for name in names]
    seen.append(SimpleNamespace(name="aten::mm", device_type=kinds.CPU))
    profiled = contextlib.nullcontext(SimpleNamespace(events=lambda: seen))
    monkeypatch.setattr(torch.profiler, "profile", lambda **_: profiled)
    told = has.launches(call)
    assert told == {"kernels": 3, "to_host": 1, "names": {"lasso": 2, "gemm": 1}}


def test_parts_that_cannot_be_made_leave_the_others(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> dict:
        raise RuntimeError("no certificate")

    monkeypatch.setattr(work, "_inside", broken)
    device = Device("numpy", np.asarray, lambda: None, None, {})
    calls = dict(work.calls(device, 60, 8, "float64"))
    assert {"encode", "update", "online step"} <= set(calls)
    assert tried("parts", calls["made for broken"])["raised"] == "RuntimeError: no certificate"


REPORT = '<testsuites><testsuite><testcase name="a"/>{}</testsuite></testsuites>'
CASE = '<testcase name="b"><{} message="for a reason"/></testcase>'


@pytest.mark.parametrize("kind", ["failure", "error"])
def test_a_test_that_fails_on_the_device_is_told(kind: str):
    said = tests.told("row", ElementTree.fromstring(REPORT.format(CASE.format(kind))))
    assert (said["agrees"], said["wrong"]) == (False, {"b": "for a reason"})
    said = tests.told("row", ElementTree.fromstring(REPORT.format(CASE.format("skipped"))))
    assert (said["agrees"], said["passed"], said["skipped"]) == (True, 1, 1)
    alone = REPORT.replace('<testcase name="a"/>', "").format(CASE.format("skipped"))
    assert tests.told("row", ElementTree.fromstring(alone))["could_not"] == "for a reason"


BUGS = {
    "pursuit": ("error -= v * pull;", "error -= v;"),
    "residual": ("r = whole - y[t];", "r = whole - 1.01 * y[t];"),
    "bound": ("slack = value - scale * inner;", "slack = value - inner;"),
    "sphere": ("W[j * d + f] /= norm;", "W[j * d + f] /= norm * norm;"),
}


@pytest.mark.slow
@pytest.mark.skipif(warps.COMPILER is None, reason="no g++ on x86-64")
@pytest.mark.parametrize("name", BUGS)
def test_the_programs_of_the_kernels_judge(name: str, monkeypatch: pytest.MonkeyPatch):
    """They run, are right, and are wrong with a bug in the kernel: `lasso` in `test_lanes.py`."""
    variant = next(v for v in kernels.VARIANTS if v.name == name)
    assert kernels.ran(variant, lambda: kernels.shimmed(variant))["agrees"]
    good = _launch.source(name)
    bad = good.replace(*BUGS[name])
    assert bad != good
    monkeypatch.setattr(_launch, "source", lambda name: bad)
    assert not kernels.ran(variant, lambda: kernels.shimmed(variant))["agrees"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not on PATH")
@pytest.mark.parametrize("variant", kernels.VARIANTS[::3], ids=str)
def test_nvcc_compiles_the_program(variant: kernels.Variant, tmp_path: Path, monkeypatch):
    """To a program that wants a device, and to no program where a line is wrong."""
    program = kernels.by_nvcc(variant, tmp_path, "sm_90")
    try:
        assert kernels.ran(variant, lambda: program)["agrees"]
    except Absent as why:
        assert "no device for this toolkit" in str(why)  # noqa: PT017  # mostly there is none
    monkeypatch.setattr(_launch, "source", lambda name: "void f() { g(); }")
    with pytest.raises(RuntimeError, match="undefined"):
        kernels.by_nvcc(variant, tmp_path, "sm_90")


def test_what_is_not_here_could_not_be_done(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Absent, match="nvcc is not on PATH"):
        kernels.by_nvcc(kernels.VARIANTS[0], tmp_path)
    with pytest.raises(Absent, match="compute-sanitizer is not on PATH"):
        kernels.watched("memcheck")


def test_batched_omp_is_asked_as_it_wants_to_be(tmp_path: Path, monkeypatch):
    """Atoms as columns, without means taken off; a package of that name stands for it."""
    torch = pytest.importorskip("torch")
    X, V = problems.signal(n=6, d=12, k=10)
    if sys.modules.get(batched_omp.PACKAGE) is None:
        with monkeypatch.context() as bare:
            bare.setattr(
                sys, "path", [p for p in sys.path if not Path(p, batched_omp.PACKAGE).exists()]
            )
            with pytest.raises(Absent, match="pip install orthogonal-matching-pursuit-gpu"):
                batched_omp.solve(torch.asarray(X), torch.asarray(V), 4)
    (tmp_path / f"{batched_omp.PACKAGE}.py").write_text("""
import numpy, torch
from tests.support import oracles
def run_omp(X, y, n_nonzero_coefs, precompute=True, tol=0.0, normalize=True, fit_intercept=True,
            alg="v0"):
    assert not normalize and not fit_intercept and alg in ("v0", "naive") and X.is_contiguous()
    rows = [oracles.omp(row, X.numpy().T, n_nonzero_coefs) for row in y.numpy()]
    return torch.asarray(numpy.stack(rows))
""")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, batched_omp.PACKAGE, raising=False)
    codes = batched_omp.solve(torch.asarray(X), torch.asarray(V), 4)
    monkeypatch.delitem(sys.modules, batched_omp.PACKAGE)
    for x, u in zip(X, codes.numpy(), strict=True):
        np.testing.assert_allclose(u, oracles.omp(x, V, 4), atol=1e-10)


# two are their neighbours with another option
REHEARSED = tuple(name for name in NAMES if name not in ("sizes, float64", "tests, CuPy"))


@pytest.mark.slow
def test_a_rehearsal(tmp_path: Path):
    """All steps, on what stands for a card: none is wrong, and what is asked for is there."""
    pytest.importorskip("cuda.bindings")
    if warps.COMPILER is None:
        pytest.skip("no g++ on x86-64")
    out = tmp_path / "lines.jsonl"
    line = [sys.executable, "-m", "benchmarks.gpu", "--first-contact", "--rehearse"]
    line += ["--only", *REHEARSED]
    env = os.environ | {"GPUDICT_KERNELS": "compiled", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*line, "--out", str(out)], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == out.read_text()
    lines = {found["step"]: found for found in map(json.loads, done.stdout.splitlines())}
    assert tuple(lines) == REHEARSED
    ended = {name: found["status"] for name, found in lines.items()}
    wanted = dict.fromkeys(REHEARSED, "passed") | {"tests, torch": "could not"}
    assert ended in (wanted, wanted | {"tests, torch": "passed"}), done.stderr
    things = {name: {f["what"] for f in found["found"]} for name, found in lines.items()}
    named = {name: {w.partition(",")[0] for w in whats} for name, whats in things.items()}
    assert {"device", "environment", "machine", "doctor"} == named["versions"]
    assert {"lasso", "pursuit"} == named["sizes, float32"]
    around = {
        "strided",
        "offset",
        "side stream",
        "TF32 on",
        "deterministic",
        "5 % of memory",
        "warm",
    }
    assert around | {"learning"} == named["circumstances"]
    parts = {"kernel", "certificate", "update", "start", "online step", "one row", "encode"}
    assert parts <= named["times"]
    counts = [f for f in lines["launches and memory"]["found"] if "kernels" in f]
    assert len(counts) >= len(parts)
    for f in counts:  # neither more nor less, or the file is old
        least = f["simulated"]["kernels"] / counted.MORE - counted.FEW
        assert f["kernels"] >= least, f"{f}: python -m benchmarks.gpu.contact.counted"
    assert any("memory" in f["what"] for f in lines["launches and memory"]["found"])
    assert {"gpudict"} <= {w.partition(":")[0] for w in things["published pursuits"]}
    assert {"gpudict", "FISTA", "DL-FISTA"} == named["FISTA"]
