"""What is here: the card, its driver, all versions, and what `gpudict doctor` says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.contact.steps import Asked, there, tried
from benchmarks.race import measure

SWITCHES = ("GPUDICT_KERNELS", "CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS")


def found(asked: Asked) -> Iterator[dict[str, Any]]:
    """Yield the facts of the device, of the machine, and the report of the doctor."""

    def device() -> dict[str, Any]:
        with there(asked) as (device, _):
            return device.facts

    yield tried("device", device)
    yield {"what": "environment", **{n: os.environ[n] for n in SWITCHES if n in os.environ}}
    yield tried("machine", measure.machine)
    yield tried("doctor", lambda: _doctor(asked.library, require_gpu=not asked.rehearsal))


def _doctor(library: str, *, require_gpu: bool) -> dict[str, Any]:
    """Return the doctor's report of a library."""
    from gpudict.tools.doctor import as_json, examine, failures

    report = examine(library)
    wrong = failures(report, require_gpu=require_gpu)
    return {**as_json(report, wrong), "agrees": not wrong}
