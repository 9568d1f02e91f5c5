"""The picture of a denoising."""

from __future__ import annotations

import numpy as np
import pytest


def test_the_picture():
    matplotlib = pytest.importorskip("matplotlib")
    from gpudict.tools.plotting import denoising_figure, mosaic

    rng = np.random.default_rng(0)
    image, atoms = rng.random((20, 30)), rng.standard_normal((10, 9))
    drawn = denoising_figure(
        image, image, atoms, np.array([3.0, 2.0, 1.0]), psnr=(20.0, 25.5), gap=1e-9
    )
    assert isinstance(drawn, matplotlib.figure.Figure)
    titles = [axes.get_title() for axes in drawn.axes]
    assert len(titles) == 4
    assert any("25.5 dB" in title for title in titles)
    tiles = mosaic(atoms, 4)
    assert tiles.shape == (3 * 4 - 1, 4 * 4 - 1)
    np.testing.assert_allclose(tiles[:3, :3].ravel(), 0.5 + 0.5 * atoms[0] / np.abs(atoms[0]).max())
    assert np.isnan(tiles[3, :]).all()
