"""Real sizes without memory: every shape of a whole encode and of an update, at 10⁶ × 4,096.

FakeTensor knows no values, so the few numbers that the loop reads are scripted: rounds that finish
some rows, then all. Whatever else wanted a value, NumPy's or a mask's, would fail here.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import gpudict  # noqa: E402
from benchmarks.models.workloads import activations, script  # noqa: E402
from benchmarks.standins import cuda_type  # noqa: E402
from benchmarks.standins.fake import empty, faked  # noqa: E402
from gpudict.learning import updates  # noqa: E402
from gpudict.objective.penalties.columns import UnitSphere  # noqa: E402
from gpudict.objective.penalties.l1 import L1  # noqa: E402
from gpudict.objective.quadratic import Quadratic, least_squares  # noqa: E402
from gpudict.solvers.registry import portable_solver  # noqa: E402

FLOAT = 4


@pytest.fixture(autouse=True)
def device():
    try:
        cuda_type.load()
    except cuda_type.Unavailable as reason:
        pytest.skip(f"'cuda' is no device type here: {reason}")


def test_activations_need_no_more_than_a_batch():
    """k = 32,768, d = 4,096: nothing of n × k but the codes, nothing of k × k, batch by batch."""
    run = activations("float32")
    n, d, k = run.found.Z.shape[0], 4096, 32_768
    asked = FLOAT * (n * d + k * d + n * k)  # X, the atoms, and the codes that are the result
    sizes = {spec.numel() for op in run.counts.log for spec in op.outs}
    assert k * k not in sizes
    assert max(sizes) <= max(n * k, k * d)
    assert run.counts.alive.largest <= 2 * FLOAT * k * d  # the atoms, in float64
    assert run.counts.alive.peak - asked <= 3.8e9
    functions = {op.place.function for op in run.counts.log}
    traced = (
        "working_set.step",
        "_small_lasso.fista",
        "_small_lasso.polish",
        "small_grams.small_grams",
    )
    traced += ("norm.gap", "stopping.rule", "loop._look", "refinement.judged")
    for name in traced:
        assert any(f.endswith(name) for f in functions), f"{name} was not traced"
    phases = {op.place.phase for op in run.counts.log}
    assert phases >= {"checks", "coding", "rounds", "certificate"}


@pytest.mark.slow
def test_a_million_rows_in_batches():
    """10⁶ × 4,096 and k = 512, in ten batches of 100,000 rows, a size that the test sets."""
    n, d, k = 1_000_000, 4096, 512
    rows = 100_000
    with faked(script(rows)) as counts:
        found = gpudict.encode(empty(n, d), empty(k, d), alpha=1.0, batch_size=rows)
        assert found.Z.shape == (n, k)
    largest = max(spec.nbytes() for op in counts.log for spec in op.outs if spec.shape != (n, d))
    assert largest <= max(FLOAT * n * k, 2 * FLOAT * rows * d)


def test_an_update_at_full_size():
    """k = 32,768 atoms of 4,096 features: five arrays of k × k at most, none of them per step."""
    k, d = 32_768, 4096
    with faked(script(0)) as counts:
        V = empty(k, d)
        q = Quadratic(empty(d, k), empty(d), empty(k, k))
        assert updates.dictionary_step("mm", V, positive=False)(q, V).shape == (k, d)
    assert counts.waits == 0
    assert counts.alive.peak <= 5 * FLOAT * k * k
    wide = [op for op in counts.log if any(spec.numel() == k * k for spec in op.outs)]
    assert len(wide) <= 8  # the start's, not the steps'


STEPS = {
    "fista": (L1(0.1), (64, 16)),
    "sphere_mm": (UnitSphere(), (8, 32)),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", STEPS)
def test_a_step_waits_for_nothing(name):
    """With `fullgraph` PyTorch captures a step as one graph, and no node of it reads a value."""
    solver, (penalty, (n, d)) = portable_solver(name), STEPS[name]
    X, V = torch.randn(n, d), torch.randn(24, d)
    if name == "fista":
        q, Z = least_squares(X, V), torch.zeros(n, 24)
    else:
        A = torch.randn(24, 24)
        q, Z = Quadratic(torch.randn(d, 24), torch.ones(d), A @ A.T), torch.randn(d, 24)
    state = solver.init(q, penalty, Z)
    asked: set[str] = set()

    def backend(graph, _):
        asked.update(str(node.target) for node in graph.graph.nodes)
        return graph.forward

    torch._dynamo.reset()
    step = torch.compile(solver.step, fullgraph=True, backend=backend, dynamic=False)
    torch.testing.assert_close(step(q, penalty, state).Z, solver.step(q, penalty, state).Z)
    assert asked
    assert not asked & {"item", "tolist", "nonzero", "cpu", "numpy", "masked_select"}
