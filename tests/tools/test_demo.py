"""The main job on a small crop of the photograph, and its sentences."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from gpudict.arrays.moving import load
from gpudict.datasets import photograph
from gpudict.tools import cli, demo, denoising
from gpudict.tools.patches import centred, cover, overlap_add, patches, table

SMALL = denoising.Settings(n_components=32, n_samples=400, max_iter=3, size=6)
STEPS: list[tuple[str, int, int]] = []


@pytest.fixture(scope="module")
def crop():
    pytest.importorskip("PIL")
    return photograph()[150:220, 200:290]


@pytest.fixture(scope="module", params=["omp", "lasso"])
def outcome(request: pytest.FixtureRequest, crop):
    STEPS.clear()
    see = lambda *step: STEPS.append(step)  # noqa: E731
    return demo.denoising(crop, SMALL._replace(coder=request.param), load("numpy"), see)


def test_it_denoises(crop, outcome):
    """The signal rises out of the noise, the objective falls, and the codes are certified."""
    before, after = outcome.psnr
    assert before == pytest.approx(-20 * np.log10(20 / 255), abs=0.3)
    assert after > before + 1
    assert demo.psnr(outcome.denoised, crop) == pytest.approx(after)
    assert (np.diff(outcome.objective) < 0).all()
    assert 0 <= outcome.gap <= 1e-4
    np.testing.assert_allclose(np.linalg.norm(outcome.atoms, axis=1), 1, atol=1e-5)
    assert outcome.n_patches == 65 * 85


def test_progress_is_told(outcome):
    """Each stage from nothing to all of it, in order."""
    assert STEPS[0] == (denoising.LEARNING, 0, SMALL.max_iter)
    stages = list(dict.fromkeys(step[0] for step in STEPS))
    assert stages == [denoising.LEARNING, denoising.DENOISING]
    for stage in stages:
        done = [step[1:] for step in STEPS if step[0] == stage]
        assert done == sorted(done)
        assert done[-1][0] == done[-1][1]


def test_pursuit_stops_at_the_noise(crop):
    rng = np.random.default_rng(0)
    rows = denoising.training_patches(
        crop + SMALL.sigma * rng.standard_normal(crop.shape), SMALL, rng
    )
    assert rows.shape == (400, 36)
    assert ((rows**2).sum(axis=1) > SMALL.noise(36)).all()
    np.testing.assert_allclose(SMALL.noise(36), (1.1 * 20 / 255) ** 2 * 36)


@pytest.mark.parametrize("colours", [(), (3,)], ids=["grey", "colour"])
def test_patches_and_their_adjoint(colours):
    """overlap_add is the adjoint of patches, and divided by the cover its inverse."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal((9, 11, *colours))
    there = patches(image, 3)
    rows = rng.standard_normal(there.shape)
    np.testing.assert_allclose(
        (there * rows).sum(), (image * overlap_add(rows, image.shape, 3)).sum()
    )
    np.testing.assert_array_equal(there[10], image[1:4, 1:4].ravel())
    whole = overlap_add(there, image.shape, 3) / cover(image.shape, 3)
    np.testing.assert_allclose(whole, image)
    bare, mean = centred(there, 3)
    np.testing.assert_allclose(bare.reshape(63, 9, -1).mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(bare + mean, there, atol=1e-6)
    np.testing.assert_array_equal(table("x", image, 3).rows(9, 12), bare[9:12])


def test_bands_cover_every_row_once():
    bands = list(denoising.cut((427, 640), 8))
    assert bands[0][0] == 0
    assert bands[-1][1] == 420
    assert all(above[1] == below[0] for above, below in itertools.pairwise(bands))
    assert max(end - first for first, end in bands) * 633 <= 1.1 * denoising.BLOCK


def test_the_command(tmp_path, capsys, monkeypatch, crop):
    """It says what it did and writes one PNG of four panels."""
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("gpudict.datasets.photograph", lambda: crop)
    target = tmp_path / "out.png"
    assert cli.main(["demo", "--n-components", "16", "--output", str(target)]) == 0
    said = capsys.readouterr().out
    for word in ("PSNR", "objective", "largest gap", "time", "16 atoms"):
        assert word in said
    gained = re.search(r"after: \+(\d\.\d+) dB", said)
    assert gained
    assert float(gained[1]) > 0.5
    assert target.read_bytes().startswith(b"\x89PNG")
