"""The cards that the model knows: rates from their makers' data sheets, two costs that are assumed.

Starting a kernel takes 4 µs and waiting for the device 15 µs on every card, batched solves run at a
fiftieth of the H100's float32 rate (its 1 TFLOP/s, and in proportion to the bandwidth elsewhere),
and the link to the host moves 25 GB/s: these are assumptions. The row of the H100 is frozen: it
is what the design was made with, rounded down from its data sheet, and tests hold it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

LAUNCH, WAIT, LINK = 4e-6, 15e-6, 25e9


class Card(NamedTuple):
    """A device: bytes/s, FLOP/s by dtype, FLOP/s of batched solves, bytes of L2.

    `launch` and `wait` are seconds, `link` bytes/s to and from the host, `memory` bytes.
    """

    name: str
    bandwidth: float
    gemm: dict[torch.dtype, float]
    solve: float
    l2: float
    memory: float
    launch: float = LAUNCH
    wait: float = WAIT
    link: float = LINK

    def rate(self, dtype: torch.dtype) -> float:
        """Return the FLOP/s of products in the dtype; integers count as float32."""
        return self.gemm.get(dtype, self.gemm[torch.float32])


def _rates(single: float, double: float) -> dict[torch.dtype, float]:
    return {torch.float32: single, torch.float64: double}


CARDS = {
    card.name: card
    for card in (
        # "NVIDIA H100 Tensor Core GPU" data sheet, PCIe and SXM (51 to 67 TFLOP/s in FP32, 26 to 34
        # in FP64, 2 to 3.35 TB/s): frozen
        Card("H100", 3e12, _rates(50e12, 30e12), 1e12, 50e6, 80e9),
        # "NVIDIA A100 Tensor Core GPU" data sheet, SXM 80 GB: FP32 19.5, FP64 on tensor cores 19.5
        # TFLOP/s, 2,039 GB/s; the L2 of 40 MB from "NVIDIA A100 architecture"
        Card("A100", 2.039e12, _rates(19.5e12, 19.5e12), 0.68e12, 40e6, 80e9),
        # "NVIDIA L4 Tensor Core GPU" data sheet: FP32 30.3 TFLOP/s, 300 GB/s; FP64
        # is 1/64 of FP32 and L2 48 MB by "NVIDIA Ada GPU architecture"
        Card("L4", 0.3e12, _rates(30.3e12, 0.473e12), 0.1e12, 48e6, 24e9),
        # "NVIDIA Ada GPU architecture", appendix A, GeForce RTX 4090: FP32 82.6, FP64 1.29
        # TFLOP/s, 1,008 GB/s, L2 72 MB
        Card("RTX 4090", 1.008e12, _rates(82.6e12, 1.29e12), 0.336e12, 72e6, 24e9),
    )
}
