"""The step of online learning in few calls: it is that by parts, and writes what it may."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.arrays.door import draws
from gpudict.coding import on_host
from gpudict.learning import forgetting, in_place, online
from gpudict.learning.samples import Samples
from gpudict.learning.updates import recipe_for
from tests.support import problems
from tests.support.backends import host

pytestmark = pytest.mark.compiled


def batches(n: int, b: int, dtype: str = "float64", weighted: bool = False) -> list[Samples]:
    """Return n batches of b samples, some of them zero, for 12 atoms in 8 dimensions."""
    X, _ = problems.signal(n=n * b, d=8, k=12)
    X[::7] = 0
    each = np.arange(n * b) % 3 if weighted else None
    whole = Samples.of(X.astype(dtype), each)
    return [whole.rows(slice(low, low + b)) for low in range(0, n * b, b)]


def walked(cut: list[Samples], whole: bool, monkeypatch, V=None, **options):
    """Return the steps over the batches, whole or by parts, each by what the one before kept."""
    options = {"alpha": 0.3} | options
    recipe, made = recipe_for(cut[0].X, 12, **options), []
    with monkeypatch.context() as patch:
        if not whole:
            patch.setattr(online, "fits", lambda *a: False)
        rng, kept = draws(0), None
        state = online.begin(cut[0], recipe, V, rng)
        for batch in cut:
            now = online.step(state, batch, recipe, rng, kept)
            made.append(now.shown())
            state, kept = now.state, now.kept
    return made


def sums(state):
    """Return the arrays of both memories."""
    return [*state.recent[:3], *state.long[:3]]


def close(one, two, tol: float) -> None:
    """Hold that two steps made the same of their states."""
    for a, b in zip(sums(one.state), sums(two.state), strict=True):
        np.testing.assert_allclose(host(a), host(b), rtol=tol, atol=tol)
    for a, b in ((one.state.atoms, two.state.atoms), (one.dictionary, two.dictionary)):
        assert host(a).dtype == host(b).dtype
        np.testing.assert_allclose(host(a), host(b), atol=tol)
    np.testing.assert_allclose(host(one.code), host(two.code), atol=tol)
    np.testing.assert_allclose(one.state[3:], two.state[3:], rtol=tol)
    np.testing.assert_allclose(
        [one.change, *one.progress[1:4]], [two.change, *two.progress[1:4]], rtol=tol, atol=tol
    )
    assert one.converged == two.converged


class TestWhole:
    """It is the step by parts."""

    @pytest.mark.parametrize("positive", [False, True])
    @pytest.mark.parametrize("at", ["in chunks", "in one chunk", "in one call"])
    def test_it_is_the_step_by_parts(self, dtype, positive, at, monkeypatch):
        """With and without weights and signs, however rows are coded, after every step."""
        monkeypatch.setattr(on_host, "ALONE", 0 if at == "in chunks" else on_host.ALONE)
        monkeypatch.setattr(in_place, "FEW", in_place.FEW if at == "in one call" else 0)
        signs = {"positive_dict": positive, "positive_code": positive}
        cut = batches(30, 5, dtype, weighted=positive)
        one, two = (walked(cut, whole, monkeypatch, **signs) for whole in (True, False))
        assert {np.isinf(step.change) for step in one} == {False, True}
        for a, b in zip(one, two, strict=True):
            close(a, b, 1e-10 if dtype == "float64" else 2e-5)

    def test_a_batch_that_is_too_large(self, monkeypatch):
        """It is coded by parts, from memories that have decayed by then."""
        monkeypatch.setattr("gpudict.learning.whole.ALONE", 100)
        cut = batches(40, 5)
        cut[-2] = Samples.of(np.concatenate([batch.X for batch in cut]))
        one, two = (walked(cut, whole, monkeypatch) for whole in (True, False))
        assert np.isinf(one[-3].change)  # some has not been written into its memories
        for a, b in zip(one, two, strict=True):
            close(a, b, 1e-10)

    def test_another_library(self, monkeypatch):
        """Its arrays are made anew at each step: what has an old one keeps its values."""
        torch = pytest.importorskip("torch")
        cut = batches(12, 5)
        there = [s._replace(X=torch.asarray(s.X)) for s in cut]
        step, held = online.step, []

        def kept(*given):
            now = step(*given)
            held.append((now.state, [np.array(host(a)) for a in sums(now.state)]))
            return now

        monkeypatch.setattr(online, "step", kept)
        made = walked(there, True, monkeypatch)
        for state, before in held:
            for a, b in zip(sums(state), before, strict=True):
                np.testing.assert_array_equal(host(a), b)
        for a, b in zip(made, walked(cut, True, monkeypatch), strict=True):
            close(a, b, 1e-10)

    def test_atoms_drawn_anew(self, monkeypatch):
        """An atom that is used by no more code goes, and the next step knows it."""
        monkeypatch.setattr("gpudict.learning.in_place.UNUSED", 0.02)
        monkeypatch.setattr("gpudict.learning.atoms.UNUSED", 0.02)
        one, two = (walked(batches(30, 5), whole, monkeypatch) for whole in (True, False))
        assert sum(step.progress.unused for step in one) > 1
        for a, b in zip(one, two, strict=True):
            assert a.progress.unused == b.progress.unused
            close(a, b, 1e-9)

    def test_codes_that_fall_short(self, monkeypatch):
        """Rows of one round are refined no further, and said not to have converged."""
        one, two = (
            walked(batches(12, 5), whole, monkeypatch, code_max_iter=1) for whole in (True, False)
        )
        assert not any(step.converged for step in one)
        for a, b in zip(one, two, strict=True):
            close(a, b, 1e-9)


@pytest.mark.parametrize("odd", ["faint", "short", "none"])
def test_what_is_no_matter_of_every_batch_is_left_to_the_parts(odd, monkeypatch):
    """A row whose square vanishes, or that falls short of its tolerance; and nothing else."""
    cut, plain, left = batches(6, 5), in_place._in_parts, []
    cut[3].X[2] *= 1e-170 if odd == "faint" else 1.0

    def in_parts(batch):
        left.append(batch)
        return plain(batch)

    monkeypatch.setattr(in_place, "_in_parts", in_parts)
    one = walked(cut, True, monkeypatch, **({"code_max_iter": 1} if odd == "short" else {}))
    assert len(left) == {"faint": 1, "short": 5, "none": 0}[odd]  # the first has no memories yet
    assert len(one) == 6


def test_atoms_move_in_two_sweeps_while_all_of_small_batches_is_kept():
    """Not before it is known how many codes a sample has, nor after large batches, nor later."""
    usual = {"size": 16, "seen": 64.0, "used": 5.0, "k": 100}
    assert forgetting.sweeps(**usual) == 2
    for other in ({"used": 0.0}, {"size": 512}, {"seen": 16.0 * 100}):
        assert forgetting.sweeps(**usual | other) == 1, other
    turn = forgetting.turn_after(forgetting.Shares(0.05, 0.02), 2, 0.06)
    assert (turn.sweeps, turn.fresh) == (2, 0.0)
    turn = forgetting.turn_after(forgetting.Shares(0.02, 0.02), 2, 0.06)
    assert (turn.sweeps, round(turn.fresh, 4)) == (0, 0.0788)


def test_a_state_that_is_kept_stays(monkeypatch):
    """Nothing is written into a state, unless what was kept of it is given, too."""
    cut = batches(8, 5)
    recipe, rng = recipe_for(cut[0].X, 12, alpha=0.3), draws(0)
    state = online.step(online.begin(cut[0], recipe, None, rng), cut[0], recipe, rng).state
    before = [np.array(a) for a in (state.atoms, *sums(state))]
    apart = state
    for batch in cut[1:]:
        apart = online.step(apart, batch, recipe, rng).settled().state
    for now, then in zip((state.atoms, *sums(state)), before, strict=True):
        np.testing.assert_array_equal(now, then)
    end = walked(cut, True, monkeypatch)[-1].state
    np.testing.assert_allclose(apart.recent.gram, end.recent.gram, atol=1e-12)
    np.testing.assert_allclose(apart.long.cov, end.long.cov, atol=1e-12)


def test_atoms_wait_for_their_turn():
    """They move when a tenth of the recent memory is newer than they are."""
    X, V = problems.signal(n=400, d=8, k=12)
    seen = []
    gpudict.learn_online(
        X, 12, alpha=0.3, batch_size=2, max_iter=1, tol=0, max_no_improvement=None, dict_init=V,
        callback=lambda step, *_: seen.append(step),
    )  # fmt: skip
    before, fresh = V, 0.0
    for i, step in enumerate(seen):
        fresh = 1 - (1 - fresh) * (1 - online.shares(2, 2 * i, seen[i - 1].state.used, 12).recent)
        moved = not np.array_equal(step.state.atoms, before)
        assert moved == (fresh >= 0.1) == np.isfinite(step.change), i
        fresh = 0.0 if moved else fresh
        np.testing.assert_allclose(step.state.fresh, fresh, atol=1e-12)
        before = step.state.atoms
    assert 15 < sum(np.isfinite(step.change) for step in seen) < 100
