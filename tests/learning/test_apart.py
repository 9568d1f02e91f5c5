"""Many atoms, each apart: a slow loop's on any library, never a rise, no matrix of all pairs."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import gpudict
from gpudict.learning import apart
from gpudict.learning.codes import Dense, coded
from gpudict.learning.forgetting import FRESH, anchor, shares
from gpudict.learning.samples import Samples
from gpudict.learning.updates import dictionary_step, recipe_for
from gpudict.objective.quadratic import Quadratic, anchored
from tests.support import oracles, problems
from tests.support.backends import host
from tests.support.pairs import PAIRS

K = 10


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch):
    """Let few atoms be many."""
    monkeypatch.setattr(apart, "MANY", K - 1)


def loud(n=48, seed=0):
    """Return rows that share a part, so that codes go together, and atoms to start from."""
    X, V = problems.signal(n=n, d=8, k=K, seed=seed)
    return problems.unit(X + 0.6 * np.abs(X).max()), V


def by_hand(batches, V, positive):
    """Return atoms, both memories and how often a step was held back, after each (X, weight, U)."""
    memories = [(np.ones(len(V)), V)] * 2
    seen = used = fresh = 0.0
    made = []
    for number, (X, w, U) in enumerate(batches):
        total = w.sum()
        recent, long = shares(total, seen, used, len(V))
        keeps = 1 - recent, 1 - long
        if not number:
            keeps = [anchor(total) * np.exp(np.log((X * X).sum(axis=1)) @ w / total)] * 2
        own, C, _ = oracles.left_to_each(X, w / total, U, V)
        past = keeps[0] * memories[0][1]
        pairs = zip(keeps, memories, strict=True)
        memories = [(keep * a + own, keep * B + C) for keep, (a, B) in pairs]
        fresh, more, atoms = 1 - (1 - fresh) * (1 - recent), 0, V

        def objective(W, X=X, U=U, share=w / total, past=past):
            return 0.5 * share @ ((X - U @ W) ** 2).sum(axis=1) - (past * W).sum()

        if fresh >= FRESH:
            fresh = 0.0
            for more in (0, 1, 3, 7, 15):  # the last in any case: a code has 8 non-zeros at most
                atoms = oracles.on_the_sphere(memories[0][1] + more * own[:, None] * V, positive)
                if objective(atoms) <= objective(V):
                    break
        V, seen = atoms, seen + total
        used += ((U != 0).sum(axis=1) @ w / total - used) / min(number + 1, 10)
        made.append((V, *memories, more))
    return made


class TestApart:
    """The memories of many atoms."""

    @pytest.mark.parametrize("positive", [False, True])
    @pytest.mark.parametrize("size", [6, 24], ids=["atoms wait their turn", "steps are held back"])
    def test_the_oracle(self, few, backend, size, positive):
        """Atoms and memories after each step are those of a slow loop, to the last digits."""
        X, V = loud()
        V = np.abs(V) if positive else V
        weight, steps = np.random.default_rng(0).uniform(0, 3, size=48), []
        found = gpudict.learn_online(
            backend.asarray(X), K, alpha=0.05, dict_init=backend.asarray(V), batch_size=size,
            max_iter=2, shuffle=False, sample_weight=backend.asarray(weight), code_tol=1e-13, tol=0,
            positive_dict=positive, max_no_improvement=None, random_state=0,
            callback=lambda now, *_: steps.append((host(now.code), now.state)),
        )  # fmt: skip
        assert not any(h.unused for h in found.history)
        batches = [slice(low, low + size) for low in range(0, 48, size)] * 2
        coded_by_then = [(X[b], weight[b], U) for b, (U, _) in zip(batches, steps, strict=True)]
        made = by_hand(coded_by_then, V, positive)
        for (_, state), (atoms, recent, long, _) in zip(steps, made, strict=True):
            np.testing.assert_allclose(host(state.atoms), atoms, atol=1e-10)
            for q, (own, C) in ((state.recent, recent), (state.long, long)):
                np.testing.assert_allclose(host(q.gram), own, atol=1e-10)
                np.testing.assert_allclose(host(q.cov).T, C, atol=1e-10)
        assert max(more for *_, more in made) > 0 or size == 6
        last = oracles.on_the_sphere(made[-1][2][1], positive)
        np.testing.assert_allclose(host(found.dictionary), last, atol=1e-10)

    @pytest.mark.parametrize("positive", [False, True])
    def test_a_batch_is_never_coded_worse(self, positive):
        """With the same codes, however they go together, and whatever atoms there are."""
        held = 0
        for seed in range(20):
            rng = np.random.default_rng(seed)
            X, V = rng.standard_normal((30, 8)), problems.unit(rng.standard_normal((12, 8)))
            U = rng.standard_normal((30, 12)) * (rng.random((30, 12)) < 0.6)
            U, V = (U, V) if seed % 2 else (np.abs(U), np.abs(V))
            V = np.abs(V) if positive else V
            zeros = Quadratic(np.zeros((8, 12)), np.zeros(8), np.zeros(12))
            past = anchored(zeros, np.ones(12, bool), V, 10.0 ** rng.integers(-6, 2))
            now = apart.sums(Dense(U), Samples.of(X), V)
            recent = Quadratic(*(a + b for a, b in zip(past[:3], now[:3], strict=True)))
            seen = []

            def cost(W, X=X, U=U, seen=seen):
                seen.append(0.5 * ((X - U @ W) ** 2).sum())
                return seen[-1]

            step = dictionary_step("mm", X, positive=positive)
            W = apart.descended(step, recent, now, V, cost)
            assert cost(W) <= cost(V) * (1 + 1e-14)
            assert np.abs(np.linalg.norm(W, axis=1) - 1).max() < 1e-14
            held += len(seen) > 4
        assert 0 < held < 20

    @pytest.mark.compiled
    def test_there_is_no_matrix_of_all_pairs(self, monkeypatch: pytest.MonkeyPatch):
        """Neither for the memories nor for the codes: what is made is less than one of them."""
        k, d = 4500, 6
        monkeypatch.setattr(apart, "MANY", k - 1)
        X = np.random.default_rng(0).standard_normal((k, d))
        options = {"alpha": 0.5, "dict_init": X, "tol": 0, "batch_size": 32, "max_iter": 1}
        gpudict.learn_online(X[:32], k, **options)  # what is made once is there
        tracemalloc.start()
        found = gpudict.learn_online(X[:96], k, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.past.step == 3
        assert peak < 0.25 * 8 * k * k

    def test_which_memories_there_are(self, few):
        X, _ = problems.signal(n=30, d=8, k=K)
        shape = {}
        for k, update in ((K, "auto"), (K, "mm"), (K, "sweep"), (K - 1, "mm")):
            options = {"alpha": 0.1, "dictionary_update": update, "max_iter": 1}
            found = gpudict.learn_online(X, k, **options)
            shape[k, update] = found.past.long.gram.ndim, found.past.recent.gram.ndim
        assert list(shape.values()) == [(1, 1), (1, 1), (2, 2), (2, 2)]

    def test_atoms_without_a_use_are_drawn_anew(self, few):
        """And held where they are, as of few atoms."""
        X, V = problems.signal(n=60, d=8, k=K)
        V[3] = 0
        options = {"alpha": 0.7, "batch_size": 20, "tol": 0, "max_iter": 3, "random_state": 0}
        found = gpudict.learn_online([X[:4], X], K, **options | {"dict_init": "data"})
        assert found.history[0].unused
        again = gpudict.learn_online(X, K, dict_init=V, **options)
        np.testing.assert_allclose(np.linalg.norm(again.dictionary, axis=1), 1, atol=1e-12)

    def test_it_learns_as_well_as_with_all_pairs(self, monkeypatch: pytest.MonkeyPatch):
        """On samples that no batch had, at equal steps."""
        for seed in range(3):
            X, _ = problems.signal(n=900, d=16, k=32, seed=seed)
            options = {"alpha": 0.1, "batch_size": 60, "max_iter": 2, "random_state": seed}
            options |= {"dict_init": "data", "tol": 0, "max_no_improvement": None}
            costs = []
            for many in (1, 1000):
                monkeypatch.setattr(apart, "MANY", many)
                V = gpudict.learn_online(X[:600], 32, **options).dictionary
                U = gpudict.encode(X[600:], V, alpha=0.1).Z
                costs.append(oracles.lasso_objective(X[600:], V, U, 0.1).mean())
            assert costs[0] < 1.01 * costs[1], costs

    def test_sums_of_either_kind_of_codes(self, dtype):
        """What rows leave to each atom, by loops as by products; each written out."""
        X, V = (a.astype(dtype) for a in loud())
        samples = Samples.of(X, np.linspace(0, 2, len(X)))
        plan = recipe_for(X, K, alpha=0.05).plan
        codes, _ = coded(X, V, plan)
        q, U = apart.sums(codes, samples, V), codes.array().astype(np.float64)
        own, C, squares = oracles.left_to_each(X, host(samples.weight), U, V)
        close = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"atol": 1e-11}
        for form in (q, apart.sums(Dense(codes.array()), samples, V)):
            for a, b in zip(form[:3], (C.T, squares, own), strict=True):
                np.testing.assert_allclose(a, b, **close)

    def test_blocks_on_devices_learn_the_same(self, few):
        X, V = loud()
        options = {"alpha": 0.05, "batch_size": 24, "max_iter": 2, "random_state": 0, "tol": 0}
        one = gpudict.learn_online(X, K, dict_init=V, code_tol=1e-13, **options).dictionary
        with PAIRS["strict"]() as pair:
            options |= {"dict_init": pair.put(V), "devices": pair.devices}
            two = gpudict.learn_online(pair.put(X), K, code_tol=1e-13, **options).dictionary
            np.testing.assert_allclose(host(two), one, atol=1e-10)


class TestGoingOn:
    """What was learned is kept: in the estimator, its files and checkpoints."""

    def test_a_checkpoint(self, few, tmp_path):
        X, V = loud()
        options = {"alpha": 0.05, "batch_size": 12, "tol": 0, "dict_init": V, "random_state": 0}
        options |= {"max_iter": 2, "max_no_improvement": None}
        whole = gpudict.learn_online(X, K, **options)
        kept = {"checkpoint": tmp_path / "run", "checkpoint_every": 0}

        def kill(now, *_):
            if now.state.step == 3:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            gpudict.learn_online(X, K, callback=kill, **options, **kept)
        found = gpudict.learn_online(X, K, resume=True, **options, **kept)
        assert len(found.history) == len(whole.history)
        np.testing.assert_array_equal(found.dictionary, whole.dictionary)

    def test_an_estimator(self, few, tmp_path):
        """It goes on from its file; scikit-learn's, which needs UᵀU, can't."""
        X, V = loud()
        learner = gpudict.MiniBatchDictionaryLearning(K, alpha=0.05, dict_init=V, random_state=0)
        learner.partial_fit(X[:24])
        learner.save(tmp_path / "model")
        again = gpudict.load(tmp_path / "model")
        for one in (learner, again):
            one.partial_fit(X[24:])
        assert again.past_.recent.gram.shape == (K,)
        np.testing.assert_array_equal(again.components_, learner.components_)
        with pytest.raises(ValueError, match=r"10 atoms were asked for.*Take components_"):
            learner.to_sklearn()

    def test_two_kinds_of_memories_are_none(self, few, tmp_path):
        X, V = loud()
        learner = gpudict.MiniBatchDictionaryLearning(K, alpha=0.05, dict_init=V, random_state=0)
        past = learner.partial_fit(X).past_
        learner.past_ = past._replace(long=past.long._replace(gram=np.eye(K)))
        with pytest.raises(ValueError, match="can't be saved"):
            learner.save(tmp_path / "model")
