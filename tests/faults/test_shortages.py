"""The n-th allocation fails, for n = 1, 2, 3, …: an error in one sentence, or the right result."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.faults.operations import OPERATIONS, Learning, U, V, X, close, eventually, same, unharmed
from tests.faults.shortages import SOURCES, Count, Source
from tests.support.backends import host

SAID = "The memory of "  # how the sentence begins


SOME, MANY = (2, 5.0), (40, 1.3)  # up to which number each fails, and the factor from there on
QUICK = {
    "numpy": set(OPERATIONS),
    "torch": {"many_rows", "learn"},
    "strict": {"encode"},
    "device": {"learn_online"},
}
HAS_NOT = {
    "torch": {"sparse"},  # its sparse tensors have no storage to watch
    "strict": {"sparse", "many_rows"},
    "device": {"sparse", "many_rows"},  # the compiled solver is the host's
}
ALWAYS = ("encode", "learn", "learn_online")  # the others are slow tests
CASES = [
    pytest.param(source, name, every, id=f"{source.name}-{name}-{how}", marks=marks)
    for source in SOURCES
    for name in OPERATIONS
    if name not in HAS_NOT.get(source.name, ())
    for every, how, marks in (
        (SOME, "some", () if source.name == "numpy" and name in ALWAYS else pytest.mark.slow),
        (MANY, "many", pytest.mark.by_hand),
    )
    if every is MANY or name in QUICK[source.name]
]


def numbers(last: int, closely: int, growth: float) -> Iterator[tuple[int, bool]]:
    """Yield n and whether those after it fail too, to the last one."""
    n, turn = 1, 0
    while n < last:
        yield n, bool(turn % 2)
        n, turn = n + 1 if n < closely else math.ceil(n * growth), turn + 1
    yield last, False


def usable(source: Source, request: pytest.FixtureRequest) -> None:
    """Skip what is not installed, or this machine has not."""
    pytest.importorskip({"strict": "array_api_strict", "device": "torch"}.get(*[source.name] * 2))
    if source.name == "device":
        request.getfixturevalue("simulated")


def injected(source: Source, run: Any, at: int | None, lasting: bool = False) -> tuple[Any, Count]:
    """Return what came out, None for a shortage that was said, and the count."""
    count, found, said = Count(at, lasting=lasting), None, SAID
    with source.counted(count):
        try:
            found = run()
        except MemoryError as error:
            said = str(error)
        number, count.at = count.number, None
        found = None if found is None else [np.array(host(a)) for a in found]
        count.number = number
    assert said.startswith(SAID), said
    return found, count


@pytest.mark.parametrize(("source", "name", "every"), CASES)
def test_an_operation(source: Source, name: str, every, request):
    """An input is never written, nothing stays alive, and without the fault all is as before."""
    usable(source, request)
    x, v, u = (source.asarray(a) for a in (X, V, U))
    run = lambda: OPERATIONS[name](x, v, u)  # noqa: E731
    wanted, count = injected(source, run, None)
    assert same(injected(source, run, None)[0], wanted)
    assert count.number > 1
    for at, lasting in numbers(count.number, *every):
        with unharmed(x, v, u):
            found, count = injected(source, run, at, lasting)
            assert found is None or close(found, wanted), f"wrong after allocation {at} failed"
            del found
            assert eventually(lambda: count.alive() == 0), f"leaked after allocation {at}"  # noqa: B023
    assert same(injected(source, run, None)[0], wanted)


@pytest.mark.parametrize("every", [SOME, pytest.param(MANY, marks=pytest.mark.by_hand)])
@pytest.mark.parametrize("source", SOURCES[:2], ids=lambda s: s.name)
def test_a_batch_is_seen_or_it_is_not(source: Source, every, request):
    """An estimator for whose batch there was no memory is what it was, and can learn it later."""
    usable(source, request)
    x = source.asarray(X)
    with unharmed(x):
        whole, before = Learning(x), [np.array(host(a)) for a in Learning(x).state()]
        after, count = injected(source, whole, None)
        for at, lasting in numbers(count.number, *every):
            learning = Learning(x)
            found, _ = injected(source, learning, at, lasting)
            assert found is not None or same(learning.state(), before), f"half a batch: {at}"
            assert close(learning() if found is None else found, after)
