"""Dictionary learning by several processes, each with its part of the rows.

torchrun --nproc-per-node=2 -m benchmarks.torchrun X.npy V.npy ATOMS ALPHA ITERATIONS

X.npy is mapped: a process reads its own rows. What the processes exchange are the sums of
`gpudict.Statistics`, k² + kd numbers an iteration; each then makes the same atoms of them.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import gpudict


def summed(mine: gpudict.Statistics) -> gpudict.Statistics:
    """Return the sum of the statistics of all processes: every field is one."""

    def over_all(field: Any) -> Any:
        numbers = torch.asarray(field, dtype=torch.float64)
        numbers = numbers.cuda() if dist.get_backend() == "nccl" else numbers
        dist.all_reduce(numbers)
        return numbers.cpu().numpy() if numbers.ndim else numbers.item()

    return gpudict.Statistics(*map(over_all, mine))


def main() -> None:
    """Learn, and let the first process write the atoms."""
    source, target, atoms, alpha, iterations = sys.argv[1:]
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    place = f"torch:cuda:{rank % torch.cuda.device_count()}" if torch.cuda.is_available() else None
    X = np.load(source, mmap_mode="r")
    n, k = len(X), int(atoms)
    mine = gpudict.stream(X[n * rank // size : n * (rank + 1) // size], to=place)
    V = np.array(X[np.random.default_rng(0).choice(n, k, replace=False)], dtype=np.float64)
    V = V / np.linalg.norm(V, axis=1, keepdims=True)
    for i in range(int(iterations)):
        found = summed(gpudict.Statistics.of(mine, V, alpha=float(alpha)))
        V = found.update(V)
        if rank == 0:
            print(f"{i}: {found.cost:.6g}, at most {found.gap:.1e} above its codes' optimum")
    if rank == 0:
        np.save(target, V)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
