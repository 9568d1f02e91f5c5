"""A tiny lasso on a device: one that fails, or whose numbers are wrong, is a failure and no GPU."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import gpudict
from gpudict.tools import probe
from tests.support.doctor import answer, seen


def test_a_gpu_that_fails_is_no_gpu(rows, cards, capsys, monkeypatch):
    def full(*arrays, **how):
        raise MemoryError("out of memory on the card\nand a long trace")

    rows({"devices": seen("cuda:0")})
    monkeypatch.setattr(probe, "encode", full)
    status, said, complained = answer(capsys, "--require-gpu")
    assert status == 1
    sentence = "the solve failed, MemoryError: out of memory on the card"
    assert sentence in said
    assert complained.count("\n") == 1
    assert f"numpy on cuda:0: {sentence}. No solve succeeded on a GPU" in complained


def spoilt(what):
    """Return `encode` with its result spoilt by `what`; the truth it is held to is left alone."""

    def encode(X, V, **how):
        found = gpudict.encode(X, V, **how)
        return found if "solver" in how else what(found)

    return encode


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (
            lambda f: f._replace(gap=f.gap + 1.0),
            "the largest gap, .* is above the tolerance, 1e-05",
        ),
        (lambda f: f._replace(gap=f.gap * np.nan), "the largest gap, nan, is above"),
        (lambda f: f._replace(Z=np.roll(f.Z, 1, axis=1)), "from NumPy's, and .* is allowed"),
        (lambda f: f._replace(Z=f.Z * np.float32(np.nan)), "the codes are nan from NumPy's"),
    ],
    ids=["gap", "no gap", "codes", "no codes"],
)
def test_wrong_numbers_are_failures(what, words, monkeypatch, capsys):
    monkeypatch.setattr(probe, "encode", spoilt(what))
    status, said, complained = answer(capsys, "--backend", "numpy")
    assert status == 1
    assert re.search(words, said)
    assert re.search(f"numpy on cpu: .*{words}", complained)
    assert "works" not in said
    status, said, _ = answer(capsys, "--backend", "numpy", "--json")
    assert json.loads(said)["failures"]  # and what is no number is null


def test_a_gpu_that_is_wrong_is_no_gpu(rows, cards, monkeypatch, capsys):
    rows({"devices": seen("cuda:0")})
    monkeypatch.setattr(probe, "encode", spoilt(lambda f: f._replace(gap=f.gap + 1.0)))
    status, said, complained = answer(capsys, "--require-gpu", "--json")
    assert (status, json.loads(said)["gpu"]) == (1, None)
    assert "No solve succeeded on a GPU" in complained


def test_codes_on_another_device_are_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(probe, "same_place", lambda x, y: False)
    assert "came back on another device" in answer(capsys, "--backend", "numpy")[2]


def test_what_is_allowed_follows_from_the_gap():
    """Codes moved as far as their tolerance lets them are accepted, and no farther than that."""
    X, V = probe._problem()
    allowed = np.sqrt(probe.TOL / probe._modulus(V))
    assert 1e-3 < allowed < 1e-2
    Z = probe._truth().copy()
    Z[3, 0] += 0.9 * allowed * np.linalg.norm(X[3])
    assert probe._distances(X, np.zeros(100), Z)[1] == pytest.approx(0.9 * allowed)
    assert np.count_nonzero(probe._truth()) < 0.5 * Z.size
