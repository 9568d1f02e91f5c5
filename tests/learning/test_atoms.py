"""Where atoms come from: the start, and what is done with those that no code uses."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.learning import atoms
from gpudict.learning.samples import Samples
from tests.support import problems


class TestStart:
    """The SVD start, starts that are given, and what is done with atoms that are missing."""

    def test_svd_is_scikit_learns(self):
        from sklearn.utils.extmath import svd_flip

        X, _ = problems.signal(n=20, d=7)
        V, U = atoms.svd_start(Samples.of(X), 5)
        u, s, v = np.linalg.svd(X, full_matrices=False)
        u, v = svd_flip(u, v)
        np.testing.assert_allclose(V, v[:5], atol=1e-10)
        np.testing.assert_allclose(U, (u * s)[:, :5], atol=1e-10)

    def test_svd_is_padded_past_the_rank(self):
        X = np.outer(np.arange(1.0, 7), np.ones(4))
        V, U = atoms.svd_start(Samples.of(X), 6)
        assert (np.abs(V).sum(axis=1) > 0).tolist() == [True] + 5 * [False]
        assert not U[:, 1:].any()

    def test_norms_move_into_the_codes(self):
        X, V0 = problems.signal(n=20, d=6, k=4)
        U0, size = X @ V0.T, np.array([[1e-30], [2.0], [1e20], [0.5]])
        learned = gpudict.learn(
            X, 4, alpha=0.1, dict_init=V0 * size, code_init=U0 / size.T, max_iter=0
        )
        np.testing.assert_allclose(learned.dictionary, V0, atol=1e-12)
        np.testing.assert_allclose(learned.code, U0, atol=1e-12)
        assert learned.n_iter == 0
        assert np.isinf(learned.gap).all()

    def test_dict_init_alone_is_honoured_and_a_restart_goes_on(self):
        X, V0 = problems.signal()
        ten = gpudict.learn(X, 10, alpha=0.1, dict_init=V0, max_iter=10, tol=0)
        five = gpudict.learn(X, 10, alpha=0.1, dict_init=V0, max_iter=5, tol=0)
        rest = gpudict.learn(
            X, 10, alpha=0.1, dict_init=five.dictionary, code_init=five.code, max_iter=5, tol=0
        )
        np.testing.assert_allclose(rest.objective, ten.objective[5:], rtol=1e-7)

    def test_too_few_atoms_are_completed_and_too_many_cut(self):
        X, V0 = problems.signal(k=10)
        few = gpudict.learn(X, 10, alpha=0.1, dict_init=V0[:3], max_iter=0, random_state=0)
        np.testing.assert_allclose(few.dictionary[:3], V0[:3])
        np.testing.assert_allclose(np.linalg.norm(few.dictionary, axis=1), 1)
        assert len(np.unique(few.dictionary[3:], axis=0)) == 7
        many = gpudict.learn(X, 4, alpha=0.1, dict_init=V0, max_iter=0)
        np.testing.assert_allclose(many.dictionary, V0[:4])

    def test_data_start_takes_samples(self):
        X, _ = problems.signal(n=30, d=8)
        V = gpudict.learn(X, 5, alpha=0.1, dict_init="data", max_iter=0, random_state=1).dictionary
        assert (np.abs(V @ problems.unit(X).T).max(axis=1) > 0.999).all()


class TestRevival:
    """Unused atoms come back from the data, and are reported."""

    def test_reported_and_replaced(self, caplog):
        X, V0 = problems.signal(n=50, d=8, k=6)
        V0[2] = problems.unit(np.linalg.svd(X)[2][-1:])[0]  # where the data hardly goes
        learned = gpudict.learn(X, 6, alpha=2.0, dict_init=V0, max_iter=3, tol=0, random_state=0)
        assert learned.history[0].unused >= 1
        assert np.abs(learned.dictionary[2] @ V0[2]) < 0.99

    @pytest.mark.parametrize("positive", [False, True])
    def test_data_of_zeros(self, positive):
        learned = gpudict.learn(
            np.zeros((6, 4)), 3, alpha=0.1, random_state=0, positive_dict=positive
        )
        np.testing.assert_allclose(np.linalg.norm(learned.dictionary, axis=1), 1)
        assert not learned.code.any()
        assert not positive or (learned.dictionary >= 0).all()
        assert learned.objective[-1] == 0

    @pytest.mark.parametrize("scale", [1e-20, 1e20])
    def test_scale_does_not_matter(self, scale):
        X, _ = problems.signal(n=30, d=8, k=6)
        one = gpudict.learn(X, 6, alpha=0.1, max_iter=5, random_state=0)
        far = gpudict.learn(X * scale, 6, alpha=0.1 * scale, max_iter=5, random_state=0)
        np.testing.assert_allclose(far.dictionary, one.dictionary, atol=1e-6)

    @pytest.mark.parametrize("scale", [1e-12, 1e12])
    @pytest.mark.parametrize("update", ["sweep", "mm"])
    def test_scale_in_float32(self, scale, update):
        X = problems.signal(n=30, d=8, k=6)[0].astype("float32")
        options = {"max_iter": 5, "random_state": 0, "dictionary_update": update}
        one = gpudict.learn(X, 6, alpha=0.1, **options)
        scaled = (X * scale).astype("float32")
        far = gpudict.learn(scaled, 6, alpha=0.1 * scale, **options)
        np.testing.assert_allclose(far.dictionary, one.dictionary, atol=2e-2)

    @pytest.mark.parametrize(("n", "d", "k"), [(1, 5, 3), (3, 5, 9), (4, 1, 2)])
    def test_odd_shapes(self, n, d, k):
        X = np.random.default_rng(0).standard_normal((n, d))
        for x in (X, np.ones((n, d))):
            for learner in (gpudict.learn, gpudict.learn_online):
                V = learner(x, k, alpha=0.1, random_state=0, max_iter=3).dictionary
                np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1)


@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_an_outlier_kills_no_atom(scale):
    """The scale by which atoms are called unused is a typical sample's, not the largest one's."""
    X, V0 = problems.signal(n=200, d=16, k=12)
    X[0] *= scale
    learned = gpudict.learn(X, 12, alpha=0.05, dict_init=V0, max_iter=10, tol=0)
    assert not any(h.unused for h in learned.history)
    options = {"batch_size": 50, "max_iter": 2, "shuffle": False}
    online = gpudict.learn_online(X, 12, alpha=0.05, dict_init=V0, **options)
    assert not any(h.unused for h in online.history)
