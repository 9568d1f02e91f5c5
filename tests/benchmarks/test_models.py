"""The models of a device count."""

from __future__ import annotations

import numpy as np
import pytest


def test_the_model_counts_a_program_by_hand():
    """A product (4, 8) @ (8, 2), a sum of its entries, and one read."""
    pytest.importorskip("torch")
    from benchmarks.models.cards import CARDS
    from benchmarks.models.device import priced
    from benchmarks.standins.simulated import simulated, to_device

    card = CARDS["H100"]
    a, b = to_device(np.ones((4, 8), np.float32)), to_device(np.ones((8, 2), np.float32))
    with simulated() as counts:
        value = float((a @ b).sum())
    total = priced(counts, card)
    assert value == 64
    assert total.launches == 2
    assert total.waits == 1
    product = 4 * (4 * 8 + 8 * 2 + 4 * 2)
    assert total.bytes == product + 4 * (4 * 2 + 1) + 4  # and what is read
    assert total.flops == 2 * 4 * 8 * 2
    least = 2 * card.launch + card.wait + total.bytes / card.bandwidth
    assert 0.9 * least <= total.seconds <= 1.1 * least
