"""Settings of the process that hold while some work runs, and come back however it ends.

Products in the precision of their numbers are one: TF32 keeps 10 bits of a float32's 23, and
autocast rounds to bfloat16, enough to train a network with, and not to solve to a gap of 1e-5 or to
certify with. One thread for BLAS is another. Of works that overlap the first one makes the setting,
for all threads, and the last one to end restores what the user had.

An interrupt may come at any call, even as `__exit__` begins, which then does nothing. So each work
has a hold of its own, and one that is dropped without having ended ends then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock
from weakref import ref

Undo = Callable[[], object]


class Setting:
    """A setting: `make` makes it, and appends what undoes a part of it before it does that part."""

    def __init__(self, make: Callable[[list[Undo]], None]) -> None:
        self.make = make
        self.forget()
        if hasattr(os, "register_at_fork"):  # the threads that hold it are not in a child
            os.register_at_fork(  # and what it sets may lock what no child could open
                before=lambda: self.lock.acquire(),
                after_in_parent=lambda: self.lock.release(),
                after_in_child=self.forget,
            )

    def forget(self) -> None:
        """Start anew."""
        self.lock = RLock()  # a hold may be dropped while another one begins
        self.holds: dict[int, ref[Hold]] = {}
        self.undo: list[Undo] = []

    def __call__(self) -> Hold:
        """Return the context in which it holds."""
        return Hold(self)

    def begin(self, hold: Hold) -> None:
        """Make the setting, unless it holds."""
        with self.lock:
            self.holds[id(hold)] = ref(hold, self._dropped)  # first: what is half made is undone
            if len(self.holds) == 1:
                self._restore()
                self.make(self.undo)

    def end(self, hold: Hold) -> None:
        """Restore what was before, if this is the last hold."""
        with self.lock:
            if len(self.holds) == 1:
                self._restore()
            self.holds.pop(id(hold), None)  # last: what is half restored is, when it is dropped

    def _dropped(self, hold: ref[Hold]) -> None:
        with self.lock:
            self.holds = {key: other for key, other in self.holds.items() if other is not hold}
            if not self.holds:
                self._restore()

    def _restore(self) -> None:
        while self.undo:
            self.undo[-1]()
            self.undo.pop()


class Hold:
    """One work's hold on a setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def __enter__(self) -> None:
        self.setting.begin(self)

    def __exit__(self, *error: object) -> None:
        self.setting.end(self)
