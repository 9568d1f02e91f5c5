"""Products in the precision of their numbers, whatever a library was told to do for speed.

TF32 keeps 10 bits of a float32's 23, and autocast rounds to bfloat16: enough to train a network
with, and not to solve to a gap of 1e-5 or to certify with. So inside the solves they are off, and
afterwards the user's settings are as they were. Some are a thread's own. Those that are the
process's are made exact for all threads while some solve runs, and of solves that overlap the last
one to end restores them.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

Undo = Callable[[], None]


class Exact:
    """Settings of the process, made exact when the first user enters and restored by the last."""

    def __init__(self, exact: Callable[[], list[Undo]]) -> None:
        self.exact, self.lock, self.users = exact, Lock(), 0
        self.undo: list[Undo] = []

    def __enter__(self) -> None:
        with self.lock:
            if not self.users:
                self.undo = self.exact()
            self.users += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                for undo in self.undo:
                    undo()
