"""Products in the precision of their numbers, whatever a library was told to do for speed.

TF32 keeps 10 bits of a float32's 23, and autocast rounds to bfloat16: enough to train a network
with, and not to solve to a gap of 1e-5 or to certify with. So inside the solves they are off, and
afterwards the user's settings are as they were. Some are a thread's own. Those that are the
process's are made exact for all threads while some solve runs, and of solves that overlap the last
one to end restores them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock

Undo = Callable[[], None]


class Exact:
    """Settings of the process, made exact when the first user enters and restored by the last."""

    def __init__(self, exact: Callable[[], list[Undo]]) -> None:
        self.exact = exact
        self.undo: list[Undo] | None = None
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Forget the users, who are not in a process that was forked; the next restores."""
        self.lock, self.users = Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            if self.undo is None:
                self.undo = self.exact()
            self.users += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                undos, self.undo = self.undo or [], None
                for undo in undos:
                    undo()
