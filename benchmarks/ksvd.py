"""Atoms found again, and errors, of updates of the atoms in learning by a pursuit.

python -m benchmarks.ksvd [--seeds 24] [--iterations 80] [--updates sweep mm ksvd]

The task of Aharon, Elad and Bruckstein (2006), section V-A: 1,500 rows of 3 of 50 random atoms of
20 features, Gaussian codes, and noise. An atom is found again where one learned has |cos| > 0.99
with it. Then patches of a photograph, with 5 atoms a row, for a quarter of the iterations.
"""

from __future__ import annotations

import argparse

import numpy as np

import gpudict
from benchmarks.race.problems import _photo

ROWS, ATOMS, FEATURES, EACH = 1500, 50, 20, 3


def signals(seed: int, noise: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with noise of so many dB below them, and the atoms that they are made of."""
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((ATOMS, FEATURES))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    U = np.zeros((ROWS, ATOMS))
    for row in U:
        row[rng.choice(ATOMS, EACH, replace=False)] = rng.standard_normal(EACH)
    X, N = U @ D, rng.standard_normal((ROWS, FEATURES))
    if noise is not None:
        X += N * (np.linalg.norm(X) / np.linalg.norm(N) * 10 ** (-noise / 20))
    return X, D


def learned(X: np.ndarray, k: int, most: int, update: str, iterations: int, seed: int) -> tuple:
    """Return the atoms, and the error as a share of ‖X‖²."""
    found = gpudict.learn(
        X, k, n_nonzero_coefs=most, solver="omp", dictionary_update=update, dict_init="data",
        max_iter=iterations, tol=0.0, random_state=seed,
    )  # fmt: skip
    return found.dictionary, 2 * found.objective.min() / (X**2).sum()


def main() -> None:
    """Print a line for each noise and update."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--iterations", type=int, default=80)
    parser.add_argument("--updates", nargs="*", default=["sweep", "mm", "ksvd"])
    asked = parser.parse_args()
    for noise in (20.0, 30.0, None):
        for update in asked.updates:
            each = []
            for seed in range(asked.seeds):
                X, D = signals(seed, noise)
                V, error = learned(X, ATOMS, EACH, update, asked.iterations, seed)
                each.append(((np.abs(V @ D.T).max(axis=0) > 0.99).mean(), error))
            found, error = np.mean(each, axis=0)
            print(
                f"noise {noise} dB  {update:6}  {found:.1%} found again, error {error:.2%} of ‖X‖²"
            )
    X = _photo.patches(8, 10_000)
    for update in asked.updates:
        _, error = learned(X, 256, 5, update, asked.iterations // 4, 0)
        print(f"patches  {update:6}  error {error:.2%} of ‖X‖²")


if __name__ == "__main__":
    main()
