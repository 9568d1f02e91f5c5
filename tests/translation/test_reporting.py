"""What a caller is shown meanwhile: scikit-learn's lines, and callbacks with a mapping."""

from __future__ import annotations

import pytest

from gpudict import dict_learning, dict_learning_online, sparse_encode
from tests.support import problems

X, V = problems.signal(n=30, d=12, k=10)


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
