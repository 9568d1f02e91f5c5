"""What starts a kernel on a card, run to the driver's own functions and no further.

With PyTorch alone: the solver is chosen, the device tried, the source compiled by the real
compiler, and the driver that gets it all is `benchmarks.standins.driver`. CuPy compiles here too.
"""

from __future__ import annotations

import contextlib
import logging

import numpy as np
import pytest

import gpudict
from benchmarks.standins import cuda_type, nvrtc, warps
from benchmarks.standins.ptx.running import TORCH, Fault, on_the_ptx
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.cuda import _launch, _trial
from gpudict.tools import doctor
from tests.solvers import test_contract as contract
from tests.support import problems
from tests.support.backends import BackendCase

torch = pytest.importorskip("torch")
pytest.importorskip("cuda.bindings", reason="pip install cuda-bindings")

from benchmarks.standins.driver import Stream, driver  # noqa: E402
from benchmarks.standins.simulated import SimulatedTensor, simulated, to_device  # noqa: E402
from gpudict.arrays.backends import _cuda, _kept  # noqa: E402
from gpudict.arrays.backends import torch as row  # noqa: E402

pytestmark = pytest.mark.compiled
OPTIONS = _launch.options("float", 1, 8)
CASE = BackendCase("simulated", "torch", to_device)
TRIAL = ("lasso", "residual", "bound")  # what a device is tried by


@pytest.fixture
def device():
    """The simulated device, or the reason why there is none."""
    if warps.COMPILER is None:
        pytest.skip("the kernels run on the CPU through g++ on x86-64, which is not here")
    try:
        with simulated() as counts:
            yield counts
    except cuda_type.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(params=["source", pytest.param("ptx", marks=pytest.mark.slow)])
def form(request):
    """What the driver runs: the kernels' source, or their PTX as it is compiled for PyTorch."""
    if request.param == "ptx" and nvrtc.library() is None:
        pytest.skip("NVRTC is not here: python -m pip install nvidia-cuda-nvrtc-cu12")
    with on_the_ptx(more=TORCH) if request.param == "ptx" else contextlib.nullcontext():
        yield request.param


def test_pytorch_alone_launches(device, form, dtype: str):
    """Lasso and pursuit by their kernels, on the stream that is current."""
    X, V, _ = problems.planted(20, 24, 12, 3, dtype)
    dX, dV = to_device(X), to_device(V)
    for stream in (0, 77):
        with driver(streams=lambda d, stream=stream: stream) as calls:
            found = gpudict.encode(dX, dV, alpha=0.1)
            pursued = gpudict.encode(dX, dV, n_nonzero_coefs=2)
        names = [launch.name for launch in calls.launches]
        assert names[:5] == [*TRIAL, "lasso", "lasso"]  # of the device, and the work
        assert names[-1] == "pursuit"
        assert {launch.stream for launch in calls.launches} == {stream or _cuda.LEGACY}
        assert {n for n in names if n not in ("lasso", "pursuit")} == {"residual", "bound"}
        room = {launch.name: launch.shared for launch in calls.launches}
        assert room == {n: _launch.SHARED if n in ("lasso", "pursuit") else 0 for n in room}
        assert calls.retained == [0]
        assert calls.current == []
        expected = gpudict.encode(X, V, alpha=0.1).Z
        atol = 1e-3 if dtype == "float32" else 1e-6
        np.testing.assert_allclose(found.Z.cpu(), expected, atol=atol)
        expected = gpudict.encode(X, V, n_nonzero_coefs=2).Z
        np.testing.assert_allclose(pursued.Z.cpu(), expected, atol=atol)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", ["warp_active_set", "warp_working_set"])
def test_contract_of_the_lasso(device, form, name: str, positive: bool, dtype: str):
    """That of every solver, by the launches of a card."""
    with driver() as calls:
        contract.test_lasso(CASE, dtype, name, positive)
    assert {launch.name for launch in calls.launches} == {"lasso"}


def test_contract_of_the_pursuit(device, form, dtype: str):
    with driver() as calls:
        contract.test_pursuits(CASE, dtype, "warp_omp", False)
    assert [launch.name for launch in calls.launches] == ["pursuit"]


@pytest.mark.slow
@pytest.mark.skipif(nvrtc.library() is None, reason="PTX is made by nvidia-cuda-nvrtc-cu12")
def test_memory_is_watched(device, monkeypatch: pytest.MonkeyPatch):
    """From PTX: each tensor's own, and no more of it than that."""
    code = _launch.source("lasso")
    monkeypatch.setattr(_launch, "source", lambda name: code.replace("some ? mine : 0", "mine"))
    q = Quadratic(*(to_device(np.eye(m, 40)) for m in (8, 1, 40)))
    q = q._replace(cov=q.cov, sq=q.cov[:, 0] + 1)
    with driver(), on_the_ptx(more=TORCH), pytest.raises(Fault, match="outside all buffers"):
        _launch.lasso(q, L1(0.1), q.cov, slots=(1,), rounds=5)


def test_each_device_in_its_own_context(device, form):
    """What is on the second device is launched there, and the first one is not touched."""
    wide = torch.zeros(6, 28)
    wide[:, 2:10] = wide[:, 16:24] = torch.diag(torch.arange(1.0, 9))[:6]
    askew, strided = wide[:1, 2:10], wide[::2, 16:24]  # rows are moved where they are either
    for cov in (strided.contiguous(), askew, strided):
        arrays = (torch.eye(8), cov, (cov**2).sum(1), torch.zeros(len(cov), 8), cov[:, 0] + 9)
        made = [SimulatedTensor(a, 1) for a in arrays]
        with driver(2, streams=lambda d: 10 * d.index) as calls:
            start = row.launcher(made[0])
            assert start is not None
            numbers = (*map(np.int32, (len(cov), 8, 1)), np.float64(0))
            start(_launch.source("pursuit"), "pursuit", OPTIONS, (1, 256, 2**15), (*made, *numbers))
        assert [(call.device, call.stream) for call in calls.launches] == [(1, 10)]
        assert calls.retained == [1]
        assert calls.current == []
        np.testing.assert_array_equal(made[3]._raw, cov)


def test_each_block_on_its_own_device(device):
    """A thread launches on the device of its block, and on the stream of who called."""
    X, V, _ = problems.planted(20, 24, 12, 3, "float64")
    x, v = to_device(X), to_device(V)
    with driver(2, streams=lambda d: 10 + d.index) as calls:
        found = gpudict.encode(x, v, alpha=0.1, devices="all")
        launches = [(call.name, call.device, call.stream) for call in calls.launches]
        for number in (0, 1):  # of each the trial, and the work
            on = [launch for launch in launches if launch[1] == number]
            names = (*TRIAL, "lasso", "lasso", "residual", "bound")
            assert on == [(name, number, 10 + number) for name in names]
        assert len(launches) == 14
        assert calls.current == []
        options = {"alpha": 0.1, "max_iter": 2, "tol": 0, "dict_init": v, "random_state": 0}
        learned = gpudict.learn(x, 24, **options, devices=["cuda:1", "cuda:0"])
        coded, updated = (
            [call.device for call in calls.launches[14:] if call.name == name]
            for name in ("bound", "sphere")
        )
        assert sorted(coded) == [0, 0, 1, 1]
        assert updated == [0] * 2 * 19
        want = gpudict.learn(x, 24, **options)
        codes = gpudict.encode(x, v, alpha=0.1)
    np.testing.assert_allclose(found.Z.cpu(), codes.Z.cpu(), atol=1e-12)
    np.testing.assert_allclose(learned.dictionary.cpu(), want.dictionary.cpu(), atol=1e-10)


def test_the_doctor_names_each_device(device, monkeypatch: pytest.MonkeyPatch):
    """And solves on it: what PyTorch's own row lists, by the kernel."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: f"card {i}")
    with driver(2) as calls:
        report = doctor.examine("torch")
    assert doctor.failures(report, require_gpu=True) == []
    said = [line for line in doctor.lines(report) if "cuda:" in line[0]]
    for number, (name, text) in enumerate(said):
        assert name == f"  cuda:{number}"
        assert text.startswith(f"card {number}, 74.5 of 74.5 GiB free: works by warp_active_set")
    assert len(said) == 2
    assert {call.device for call in calls.launches} == {0, 1}


def portable_and_said(caplog: pytest.LogCaptureFixture) -> str:
    """Encode twice; return the one sentence that is said of the kernels."""
    X, V, _ = problems.planted(20, 24, 12, 3, "float64")
    for _ in range(2):
        found = gpudict.encode(to_device(X), to_device(V), alpha=0.1)
        assert found.converged.cpu().all()
    (said,) = (r.getMessage() for r in caplog.records if r.levelno == logging.WARNING)
    assert said.startswith("The CUDA kernels don't run on cuda:0 (")
    assert said.endswith("): portable solvers do their work.")
    return said


@pytest.mark.parametrize(
    "refused", ["cuInit", "cuDevicePrimaryCtxRetain", "cuModuleLoadData", "cuLaunchKernel"]
)
def test_what_cannot_launch_is_said_once(refused: str, device, caplog):
    """And portable solvers do the work, rightly."""
    with driver(refuses=(refused,)) as calls:
        assert "CUDA_ERROR_UNKNOWN" in portable_and_said(caplog)
    assert calls.launches == []
    assert calls.current == []


def test_nothing_is_tried_where_kernels_are_off(device, monkeypatch: pytest.MonkeyPatch):
    """Which a user may do because trying does harm."""
    monkeypatch.setenv("GPUDICT_KERNELS", "portable")
    X, V, _ = problems.planted(20, 24, 12, 3, "float64")
    with driver() as calls:
        found = gpudict.encode(to_device(X), to_device(V), alpha=0.1)
    assert found.converged.cpu().all()
    assert calls.retained == []


def test_no_driver(device, caplog, monkeypatch: pytest.MonkeyPatch):
    """The real bindings, which find none here."""
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream(0))
    monkeypatch.setattr(_trial, "TRIED", {})
    assert "driver" in portable_and_said(caplog)


def test_wrong_codes_are_not_relied_on(device, caplog, monkeypatch: pytest.MonkeyPatch):
    """A kernel that seems to run, and gives other codes, is not used again."""
    with driver():
        monkeypatch.setattr(_cuda, "launch", lambda *what: None)  # so they stay 0
        assert "codes of a small problem are wrong" in portable_and_said(caplog)


@pytest.mark.parametrize("name", ["residual", "bound"])
def test_a_wrong_certificate_is_not_relied_on(
    name: str, device, caplog, monkeypatch: pytest.MonkeyPatch
):
    """Though the codes are right: one of its kernels writes nothing."""
    plain = _cuda.launch

    def launch(*what: object) -> None:
        if name not in what:
            plain(*what)

    with driver():
        monkeypatch.setattr(_cuda, "launch", launch)
        assert "certificate of a small problem is wrong" in portable_and_said(caplog)


def test_of_a_log_one_line_is_said(device, caplog, monkeypatch: pytest.MonkeyPatch):
    """A compiler that fails says much."""
    monkeypatch.setattr(_launch, "source", lambda name: "void f() { g(); }\nvoid h() { i(); }")
    with driver():
        assert "\n" not in portable_and_said(caplog)


@pytest.mark.parametrize("name", ["lasso", "pursuit"])
def test_compiled_for_what_the_compiler_knows(name: str):
    """Machine code for known devices, PTX for newer ones, and what fails is said by its log."""
    code = _launch.source(name)
    assert code.isascii()  # NVRTC before 12.6.2 sets the locale to ASCII
    assert _cuda.compiled(code, OPTIONS, 90)[:4] == b"\x7fELF"
    assert b".version" in _cuda.compiled(code, OPTIONS, 999)[:2000]
    with pytest.raises(RuntimeError, match=r"0\.1"):
        _cuda.compiled(code, OPTIONS, 1)
    with pytest.raises(RuntimeError, match="undefined"):
        _cuda.compiled("void f() { g(); }", OPTIONS, 90)


def test_compiled_once(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """For all processes: of a source, its options, a device and a compiler."""
    from cuda.bindings import nvrtc as real

    code, compiled = 'extern "C" __global__ void f() {}', []
    compiling, version = real.nvrtcCompileProgram, [real.nvrtcVersion()]
    monkeypatch.setattr(_kept, "folder", lambda: tmp_path)
    monkeypatch.setattr(real, "nvrtcCompileProgram", lambda *a: compiled.append(a) or compiling(*a))
    monkeypatch.setattr(real, "nvrtcVersion", lambda: version[-1])
    first = _cuda.compiled(code, OPTIONS, 90)
    assert first[:4] == b"\x7fELF"
    assert _cuda.compiled(code, OPTIONS, 90) == first
    assert len(compiled) == 1
    for other in ((code + " ", OPTIONS, 90), (code, OPTIONS[1:], 90), (code, OPTIONS, 80)):
        count = len(compiled)
        assert _cuda.compiled(*other) == _cuda.compiled(*other)
        assert len(compiled) == count + 1
    version.append((0, 12, 0))
    assert _cuda.compiled(code, OPTIONS, 90) == first
    assert len(compiled) == 5


@pytest.mark.parametrize("name", ["lasso", "pursuit"])
def test_cupy_compiles(name: str, tmp_path, monkeypatch):
    """By CuPy's own way to NVRTC, with the options that it adds."""
    compiler = pytest.importorskip("cupy").cuda.compiler
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path))
    arch = lambda of: ("-arch=sm_90", "cubin")  # noqa: E731  # it would ask the device
    monkeypatch.setattr(compiler, "_get_arch_for_options_for_nvrtc", arch)
    made, _ = compiler.compile_using_nvrtc(_launch.source(name), OPTIONS, arch="90")
    assert made[:4] == b"\x7fELF"
