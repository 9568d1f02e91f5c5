"""The function face: scikit-learn's signatures, its answers, its warnings, its reports."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import oracles
import problems
import pytest
from conftest import BackendCase, host

import gpudict
from gpudict import dict_learning, dict_learning_online, sparse_encode

X, V = problems.signal(n=30, d=12, k=10)
ALGORITHMS = ("lasso_cd", "lasso_lars", "lars", "omp", "threshold")


@pytest.mark.parametrize("name", ["dict_learning", "dict_learning_online", "sparse_encode"])
def test_signatures_are_scikit_learns(name):
    """Keyword for keyword, default for default, but for the default method."""
    import sklearn.decomposition

    def parameters(f):
        found = inspect.signature(f).parameters.values()
        return {p.name: (p.kind, p.default) for p in found}

    ours, theirs = (
        parameters(getattr(gpudict, name)),
        parameters(getattr(sklearn.decomposition, name)),
    )
    assert list(ours) == list(theirs)
    deviations = {p for p in ours if ours[p] != theirs[p]}
    assert deviations == ({"algorithm"} if name == "sparse_encode" else {"method"})


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sparse_encode_agrees_with_scikit_learn(algorithm, positive):
    from sklearn.decomposition import sparse_encode as theirs

    if positive and algorithm in ("lars", "omp"):
        assert (sparse_encode(X, V, algorithm=algorithm, positive=True) >= 0).all()
        return
    options = {"algorithm": algorithm, "positive": positive}
    options |= {} if algorithm in ("lars", "omp") else {"alpha": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = theirs(X, V, max_iter=50_000, **options)
    code = sparse_encode(X, V, **options)
    if "lasso" in algorithm:
        ours, best = (oracles.lasso_objective(X, V, U, 0.1) for U in (code, want))
        assert (ours <= best * (1 + 1e-9)).all()
    if not (positive and algorithm == "lasso_lars"):  # whose codes are not optimal there
        np.testing.assert_allclose(code, want, atol=2e-4)


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "lasso_fista", "lasso_ista"])
def test_gram_and_cov_of_the_caller_are_honoured(algorithm):
    """Those of another dictionary give that dictionary's codes."""
    other = problems.unit(V[::-1] + 0.1)
    options = {"algorithm": algorithm, "max_iter": 20_000}
    options |= {} if algorithm == "omp" else {"alpha": 0.5}
    given = sparse_encode(X, V, gram=other @ other.T, cov=other @ X.T, **options)
    want = sparse_encode(X, other, **options)
    np.testing.assert_allclose(given, want, atol=1e-3)


def test_omp_to_an_error():
    """alpha is the squared error to reach, as scikit-learn documents; a number of atoms wins."""
    code = sparse_encode(X, V, algorithm="omp", alpha=1.5)
    assert (((X - code @ V) ** 2).sum(axis=1) <= 1.5).all()
    assert len({*np.count_nonzero(code, axis=1)}) > 1
    three = sparse_encode(X, V, algorithm="omp", alpha=1.5, n_nonzero_coefs=3)
    assert (np.count_nonzero(three, axis=1) == 3).all()


def test_everything_follows_the_backend(backend: BackendCase):
    dX = backend.asarray(X[:8])
    start = {"dict_init": backend.asarray(V), "code_init": backend.asarray(np.zeros((8, 10)))}
    *arrays, n_iter = dict_learning(dX, 10, alpha=0.1, max_iter=2, return_n_iter=True, **start)
    code = sparse_encode(dX, arrays[1], alpha=0.1)
    kind = {type(a) for a in (*arrays, code, dX)}
    assert len(kind) == 1
    assert {str(a.device) for a in (*arrays, code)} == {str(dX.device)}
    assert arrays[2].shape == (n_iter,)
    np.testing.assert_allclose(host(arrays[0]) @ host(arrays[1]), X[:8], atol=0.6)


@pytest.mark.parametrize("method", ["cd", "lars", "fista", "ista", "cd_sweep", "working_set"])
def test_methods_agree(method):
    errors = dict_learning(
        X, 10, alpha=0.2, method=method, max_iter=3, tol=0, dict_init=V, method_max_iter=50_000
    )[2]
    want = dict_learning(X, 10, alpha=0.2, max_iter=3, tol=0, dict_init=V)[2]
    np.testing.assert_allclose(errors, want, rtol=1e-6)


def test_omp_learns_without_alpha():
    code, dictionary, errors = dict_learning(
        X, 10, alpha=7, method="omp", random_state=0, max_iter=5
    )
    assert (np.count_nonzero(code, axis=1) <= 1).all()
    np.testing.assert_allclose(errors[-1], 0.5 * ((X - code @ dictionary) ** 2).sum())


def test_callback():
    """At iterations 0, 5, 10, … with a documented mapping; at every step online."""
    seen = []
    dict_learning(X, 5, alpha=0.1, tol=0, max_iter=12, callback=lambda m: seen.append(dict(m)))
    assert [m["iteration"] for m in seen] == [0, 5, 10]
    assert [len(m["errors"]) for m in seen] == [1, 6, 11]
    assert set(seen[0]) == {
        "iteration", "code", "dictionary", "errors", "cost", "gap", "unused", "seconds"
    }  # fmt: skip
    assert seen[2]["cost"] == seen[2]["errors"][-1] < seen[1]["cost"]
    assert seen[0]["code"].shape == (30, 5)
    steps = []
    dict_learning_online(
        X, 5, tol=0, max_no_improvement=None, max_iter=2, batch_size=7, callback=steps.append
    )
    assert [m["step"] for m in steps] == list(range(1, 11))
    assert {m["n_steps"] for m in steps} == {10}
    assert steps[-1]["ewa_cost"] > 0
    assert steps[0]["dictionary"].shape == (5, 12)


def test_verbose(capsys: pytest.CaptureFixture[str]):
    """scikit-learn's levels, to standard output."""
    options = {"alpha": 0.1, "max_iter": 3, "tol": 0}
    dict_learning(X, 5, **options)
    dict_learning_online(X, 5, **options)
    assert capsys.readouterr().out == ""
    dict_learning(X, 5, verbose=1, **options)
    assert capsys.readouterr().out == "[dict_learning] ...\n"
    dict_learning(X, 5, verbose=2, **options)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("Iteration   0 (elapsed time:   0s,  0.0mn, current cost")
    dict_learning(X, 5, alpha=0.1, verbose=2, tol=0.5)
    assert "--- Convergence reached after 1 iterations" in capsys.readouterr().out
    dict_learning(X, 14, alpha=5.0, verbose=2, max_iter=2, random_state=0)
    assert "unused atoms resampled." in capsys.readouterr().out
    dict_learning_online(X, 5, batch_size=10, verbose=1, alpha=0.1, max_iter=2, tol=100.0)
    out = capsys.readouterr().out
    assert "Minibatch step 1/6: mean batch cost" in out
    assert "Converged (small dictionary change) at step 4/6" in out
    sparse_encode(X, V, verbose=1)
    assert "[lasso_cd]" in capsys.readouterr().out


def test_convergence_warning():
    """Where the limit of iterations leaves a gap, and nowhere else; the sentence says how large."""
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(ConvergenceWarning, match=r"30 of 30 codes did not converge in 1 it.*gap is"):
        sparse_encode(X, V, alpha=0.01, algorithm="lasso_ista", max_iter=1)
    with pytest.warns(ConvergenceWarning, match="missed their tolerance after 2 steps"):
        dict_learning(X, 5, alpha=0.01, method="ista", method_max_iter=2, max_iter=2)
    with pytest.warns(ConvergenceWarning, match="missed their tolerance"):
        dict_learning_online(
            X, 5, alpha=0.01, method="ista", method_max_iter=2, max_iter=1, return_code=False
        )
    for algorithm in ("lasso_cd", "lasso_lars", "threshold", "omp", "lars"):
        sparse_encode(
            X, V, algorithm=algorithm, n_nonzero_coefs=2 if "lasso" not in algorithm else None
        )


def test_array_likes():
    code = sparse_encode(X.tolist(), V.tolist(), alpha=0.1)
    np.testing.assert_array_equal(code, sparse_encode(X, V, alpha=0.1))
    np.testing.assert_array_equal(code, sparse_encode(X, V, alpha=0.1, check_input=False))


def test_n_components_none_is_n_features():
    assert dict_learning(X, None, alpha=0.5, max_iter=1)[1].shape == (12, 12)
    assert dict_learning_online(X, None, max_iter=1)[1].shape == (12, 12)


@pytest.mark.parametrize("state", [0, np.random.RandomState(0), np.random.default_rng(0), None])
def test_random_states(state):
    V = dict_learning(X, 14, alpha=0.5, max_iter=2, random_state=state)[1]
    np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1)


def test_batches_and_threads_do_not_change_the_answer():
    big, atoms = problems.signal(n=200, d=12, k=10)
    whole = gpudict.encode(big, atoms, alpha=0.05)
    for options in ({"batch_size": 17}, {"batch_size": 64, "n_jobs": 3}, {"n_jobs": -1}):
        cut = gpudict.encode(big, atoms, alpha=0.05, **options)
        np.testing.assert_allclose(cut.Z, whole.Z, atol=1e-10)
        assert cut.converged.all()
        assert cut.history[0].unfinished >= whole.history[0].unfinished


def test_one_thread_inside_a_joblib_worker():
    from joblib import Parallel, delayed

    from gpudict.arrays.threads import threads

    inside = Parallel(n_jobs=2, backend="threading")(delayed(threads)(None) for _ in range(2))
    assert inside == [1, 1]
    assert threads(3) == 3
    assert threads(-1) >= 1
    assert threads(None) >= 1
