"""Who keeps a run of learning: when to write, and what an error or a full disk means.

A learner says what a step is and when one is over; it knows nothing of files. What it has learned
when an error or an interrupt leaves its loop is written, if it is whole.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from gpudict.arrays import generators
from gpudict.arrays.saying import say
from gpudict.learning.checkpoint import (
    Checkpoint,
    Record,
    Stored,
    opened,
    write_record,
)

Facts = Callable[[], dict[str, Any]]


class Keeper:
    """Keeps nothing: what a learner has where no checkpoint was asked for."""

    def found(self) -> Stored | None:
        """Return what is there to go on from, with the random generator where it was then."""
        return None

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, *_: Any) -> None:
        pass

    def begin(self, *, in_place: bool) -> None:
        """Begin a step; one that writes `in_place` is short, and a Ctrl-C lets it end."""

    def over(self, run: Any) -> None:
        """End a step, with what the run is then."""

    def after(self) -> None:
        """Write, if it is time."""

    def end(self, run: Any) -> None:
        """Write what the run is at its end, so that to resume it returns what came of it."""


def keeper_of(
    asked: Checkpoint | None, facts: Facts, rng: Any, record: Callable[[Any], Record | None]
) -> Keeper:
    """Return who keeps a run, of which `facts` tell what it learns from, and how.

    `record` returns what a checkpoint is to hold of it, or None before its first step.
    """
    return Keeper() if asked is None else FileKeeper(asked, facts(), rng, record)


class FileKeeper(Keeper):
    """Keeps a run in a file."""

    def __init__(
        self,
        asked: Checkpoint,
        facts: dict[str, Any],
        rng: Any,
        record: Callable[[Any], Record | None],
    ) -> None:
        self.path, self.every, self.resume, _ = asked
        self.record, self.rng = record, rng
        self.facts = json.loads(json.dumps(facts))
        generators.restored(generators.packed(rng), "random_state")  # or none could go on
        self.at, self.warned, self.holds = time.perf_counter(), False, ""
        self.held = False  # whether a step is under way that writes in place
        self.now: tuple[Any, Any] = (None, None)  # the run; where its draws were as a step began
        self.waiting: tuple[int, Any] | None = None
        self.before: Any = None

    def found(self) -> Stored | None:
        path, log = self.path, logging.getLogger(__name__)
        if not self.resume:
            return None
        if not os.path.exists(path):
            log.info("There is no checkpoint %s yet: learning begins anew.", path)
            return None
        stored = opened(path, self.facts)
        generators.rewind(self.rng, stored.generator("rng"))
        self.holds = _holds(len(stored.history()))
        log.info("Learning goes on from the checkpoint %s, which holds %s.", path, self.holds)
        return stored

    def begin(self, *, in_place: bool) -> None:
        self.now = (self.now[0], generators.state_of(self.rng))
        self.held = in_place

    def over(self, run: Any) -> None:
        self.now = (run, None)
        self.held = False
        if self.waiting is not None:
            waiting, self.waiting = self.waiting, None
            self.before(*waiting)

    def after(self) -> None:
        if time.perf_counter() - self.at >= self.every:
            self.write(f"learning goes on, and it is tried again in {self.every:g} s")

    def end(self, run: Any) -> None:
        self.now = (run, None)
        self.write("learning is over")

    def write(self, then: str) -> None:
        """Write the checkpoint; a disk that takes none is warned of once, and nothing ends."""
        error = self._written()
        if error is not None and not self.warned:
            self.warned = True
            there = f"It holds {self.holds}" if self.holds else "It has not been written yet"
            say(
                f"The checkpoint {self.path} can't be written: {_why(error)}. {there}; {then}. "
                "Make room for it."
            )

    def _written(self) -> Exception | None:
        """Write what there is; return the error if it can't be."""
        try:
            run, drawn = self.now
            record = None if run is None else self.record(run)
            if record is not None:
                rng = generators.packed(self.rng, drawn)
                write_record(self.path, self.facts, record, rng=rng)
                self.holds = _holds(len(record[1]["history"]))
        except (OSError, MemoryError) as error:
            return error
        finally:
            self.at = time.perf_counter()
        return None

    def __enter__(self) -> Keeper:
        mine = threading.current_thread() is threading.main_thread()
        if mine and callable(signal.getsignal(signal.SIGINT)):
            self.before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, *_: Any) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
        if error is None:
            return
        failed = None if self.held else self._written()
        said = f"; it can't be written: {_why(failed)}" if failed else ""
        error.add_note(
            f"The checkpoint {self.path} holds {self.holds}, from which the same call with "
            f"resume=True goes on{said}."
            if self.holds
            else f"The checkpoint {self.path} was not written: no step was over{said}."
        )

    def _heard(self, number: int, frame: Any) -> None:
        """Hear a Ctrl-C: as the step ends, if it is held; at once else, and the second time."""
        if self.held and self.waiting is None:
            self.waiting = (number, frame)
        else:
            self.before(number, frame)


def _why(error: Exception) -> str:
    """Return what an error says, without the name of the file."""
    return getattr(error, "strerror", None) or str(error)


def _holds(steps: int) -> str:
    return f"what was learned in {steps} step{'' if steps == 1 else 's'}"
