"""Which devices are meant, and a thread for each."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import gpudict
from gpudict.arrays import devices, phases
from gpudict.arrays.threads import at_once, in_parallel
from tests.support.backends import on_device1
from tests.support.pairs import cuda


@pytest.mark.parametrize(("n", "parts"), [(7, 2), (7, 3), (2, 5), (1, 1), (64, 4)])
def test_blocks_are_all_rows_in_order(n: int, parts: int):
    cuts = devices.blocks(n, parts)
    assert [i for cut in cuts for i in range(n)[cut]] == list(range(n))
    sizes = [cut.stop - cut.start for cut in cuts]
    assert len(cuts) == min(n, parts)
    assert 0 < max(sizes) <= min(sizes) + 1


@pytest.fixture
def torch():
    """PyTorch with two CUDA devices."""
    with cuda():
        yield pytest.importorskip("torch")


def test_all_are_those_of_a_kind(torch):
    """For the host, and for its own device alone, X stays as it is: there is nothing to spread."""
    x = torch.zeros(4, 3, device="cuda:1")
    both = (torch.device("cuda:0"), torch.device("cuda:1"))
    assert devices.chosen("all", x) == both
    assert devices.chosen([both[1], "cuda:0"], x) == both[::-1]
    assert devices.chosen(iter(["cpu", "cuda:0"]), x) == (torch.device("cpu"), both[0])
    assert devices.chosen(["cuda:0"], x) == both[:1]
    for own in (None, ["cuda:1"]):
        assert devices.chosen(own, x) == ()
    assert devices.chosen("all", torch.zeros(4, 3)) == ()


def test_all_have_the_dtype():
    xp = pytest.importorskip("array_api_strict")
    want = tuple(xp.Device(name) for name in ("CPU_DEVICE", "device1", "device2"))
    assert devices.chosen("all", on_device1(np.eye(2))) == want


def strange(torch) -> object:
    return pytest.importorskip("array_api_strict").Device("device1")


SOME = r"Pass some of: cpu, cuda:0, cuda:1\.$"
REFUSED = {
    "none": (ValueError, lambda torch: [], "is an empty list, and at least one"),
    "one": (TypeError, lambda torch: "cuda:1", r"'cuda:1' came\. Pass \['cuda:1'\] for one"),
    "an object": (TypeError, lambda torch: torch.device("cuda:1"), "list of devices, but device"),
    "a number": (TypeError, lambda torch: 2, "'all' or a list of devices, but 2 came"),
    "unknown": (ValueError, lambda torch: ["cuda:7"], f"devices has 'cuda:7', .* torch.*{SOME}"),
    "no number": (ValueError, lambda torch: ["cuda"], f"devices has 'cuda', .* torch.*{SOME}"),
    "a flag": (TypeError, lambda torch: [True], f"devices has True, .*{SOME}"),
    "another library's": (TypeError, lambda torch: [strange(torch)], f"has array_api.*{SOME}"),
    "twice": (ValueError, lambda torch: ["cuda:1", "cuda:1"], "cuda:1 twice.* Pass it once"),
    "twice in other words": (
        ValueError, lambda torch: [torch.device("cuda", 0), "cuda:0"], "cuda:0 twice",
    ),
}  # fmt: skip
ENTRIES = {
    "encode": lambda x, given: gpudict.encode(x, x, alpha=0.1, devices=given),
    "learn": lambda x, given: gpudict.learn(x, 2, alpha=0.1, devices=given),
    "learn_online": lambda x, given: gpudict.learn_online(x, 2, alpha=0.1, devices=given),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(torch, name: str):
    error, given, said = REFUSED[name]
    with pytest.raises(error, match=said):
        devices.chosen(given(torch), torch.ones(3, 2, device="cuda:0"))


@pytest.mark.parametrize("entry", ENTRIES)
def test_numpy_is_threaded(entry: str):
    for given in ("all", ["cpu"], []):
        with pytest.raises(ValueError, match=r"numpy, which has no devices .* Pass n_jobs"):
            ENTRIES[entry](np.ones((3, 2)), given)


def test_a_device_that_holds_less():
    xp = pytest.importorskip("array_api_strict")
    with pytest.raises(ValueError, match=r"'no_float64'.*, which has no float64"):
        devices.chosen([xp.Device("no_float64")], on_device1(np.eye(2)))


def test_a_thread_for_each_that_stays():
    """In the context of the caller; a thread may use the pool that others use."""
    both = threading.Barrier(2, timeout=10)

    def work(number: int) -> tuple[int, int, str, int]:
        both.wait()  # so they are two
        some = sum(in_parallel(lambda i: i, range(number), 2))
        return number, some, phases.current(), threading.get_ident()

    where = [np.zeros(1), np.zeros(1)]
    with phases.phase("here"):
        first, again = (devices.on_each(work, where, [5, 6]) for _ in range(2))
    assert [told[:3] for told in first] == [(5, 10, "here"), (6, 15, "here")]
    assert again == first
    assert len({told[3] for told in first} | {threading.get_ident()}) == 3


def test_an_error_when_all_have_ended():
    """The first one's, though another one is at work for a while yet, and fails too."""
    ended = []

    def work(number: int) -> None:
        if number == 0:
            raise ValueError("the first")
        threading.Event().wait(0.1)
        ended.append(number)
        raise KeyError("the second")

    with pytest.raises(ValueError, match="the first"):
        at_once(work, [0, 1])
    assert ended == [1]
