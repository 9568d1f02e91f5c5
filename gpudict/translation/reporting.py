"""What `verbose` shows, at scikit-learn's levels: the one place that writes to standard output."""

from __future__ import annotations

import sys

from gpudict.learning.online import Step
from gpudict.learning.patience import Patience
from gpudict.learning.records import Learned, Progress
from gpudict.solvers.records import Solution


class Reporter:
    """Reports a batch learner. 0 is silent, 1 a dot an iteration, 2 and more a line."""

    def __init__(self, verbose: int) -> None:
        self.verbose = int(verbose)

    def begin(self) -> None:
        """Report that learning begins."""
        self._say("[dict_learning]", end=" " if self.verbose == 1 else "\n")

    def solution(self, algorithm: str, found: Solution) -> None:
        """Report the solution of a coding problem."""
        checks = [f"{c.unfinished} rows left after {c.iteration}" for c in found.history[-3:]]
        self._say(f"[{algorithm}] {found.n_iter} iterations; {', '.join(checks) or 'no check'}")

    def iteration(self, progress: Progress) -> None:
        """Report one iteration."""
        if self.verbose == 1:
            self._say(".", end="")
        seconds = progress.seconds
        if self.verbose > 1:
            self._say(
                f"Iteration {progress.iteration:3d} (elapsed time: {seconds:3.0f}s, "
                f"{seconds / 60:4.1f}mn, current cost {progress.objective:7.3f}, "
                f"largest gap {progress.gap:.1e})"
            )
        if progress.unused:
            self._say(f"{progress.unused} unused atoms resampled.")

    def end(self, learned: Learned, max_iter: int) -> None:
        """Report how it ended."""
        if self.verbose == 1:
            self._say("")
        elif learned.n_iter < max_iter:
            self._say(f"--- Convergence reached after {learned.n_iter - 1} iterations")

    def _say(self, text: str, end: str = "\n") -> None:
        if self.verbose:
            sys.stdout.write(text + end)
            sys.stdout.flush()


class BatchReporter(Reporter):
    """Reports an online learner: a line a step, and why it stopped."""

    def step(self, step: Step, patience: Patience, reason: str | None, n_steps: int) -> None:
        """Report one step."""
        if not self.verbose:
            return
        place = f"step {step.state.step}/{n_steps}"
        smoothed = "" if patience.cost != patience.cost else f", ewa cost: {patience.cost}"
        self._say(f"Minibatch {place}: mean batch cost: {step.progress.objective}{smoothed}")
        if step.progress.unused:
            self._say(f"{step.progress.unused} unused atoms resampled.")
        if reason is not None:
            self._say(f"Converged ({reason}) at {place}")
