"""How much of the past an online learner keeps: a schedule with nothing to set.

Codes of early batches belong to atoms long gone, so the past must fade; but a short memory leaves
the noise of its few samples in the atoms. So there are two memories. The *recent* one moves the
atoms that code the next batch; the *long* one, several times as much of the past, gives the
dictionary. Of a batch of b samples, after t of that size, with ν non-zeros a sample and k atoms,
the recent memory takes the share

    r = min(max(1/(t+1), bν/(50k)), 16/(t+16))          and the long one   max(r/5, 1/(t+1)).

That is: keep all until the mean atom has been used 50 times; then so many uses; and from then on a
sixteenth of all that was seen, so that the memory grows without bound. The count is of uses, not of
samples, for dense and sparse codes need different numbers of samples to know an atom as well.

Small batches are a small share each, and each would move all atoms a little. So the atoms move when
a tenth of the recent memory is newer than they are: at once after a large batch, and after some
small ones. As long as both memories keep all of such small ones, they move in two sweeps: then they
are far from where they will be.

The first atoms, and each that is revived, are held where they are by a tenth of a sample, so that
those which the first batches happen not to use stay. The constants were chosen on six data sets;
`python -m benchmarks.map.schedule` compares what comes of them on others too.
"""

from __future__ import annotations

from typing import NamedTuple

USES = 50  # of the mean atom, in the recent memory
FRESH = 0.1  # of the recent memory: the atoms move when so much of it is newer than they are
SWEEPS = 2  # in which the atoms move as long as all of small batches is kept, one from then on
GROWTH = 16  # the recent memory is at least that part of all that was seen
LONGER = 5  # times the recent memory
ANCHOR = 0.1  # samples that hold a new atom where it is
FIRM = 1e-5  # of a sample's ‖x‖²: an anchor is never less, or its atom would pass for unused


class Shares(NamedTuple):
    """Which share of a memory a batch becomes, of the recent one and of the long one."""

    recent: float
    long: float


class Turn(NamedTuple):
    """What comes with a batch.

    Attributes
    ----------
    keeps : the shares of the recent and of the long memory that stay
    sweeps : how often the atoms are updated; 0 where it is not their turn
    fresh : of the recent memory, what is newer than the atoms then
    """

    keeps: tuple[float, float]
    sweeps: int
    fresh: float


def shares(size: float, seen: float, used: float, k: int) -> Shares:
    """Return the shares of a batch of `size` samples after `seen` of them, at `used` codes each."""
    before = seen / size
    fair, enough = 1 / (before + 1), _enough(size, used, k)
    recent = min(max(fair, enough), GROWTH / (before + GROWTH))
    return Shares(recent, max(recent / LONGER, fair))


def sweeps(size: float, seen: float, used: float, k: int) -> int:
    """Return in how many sweeps the atoms move after such a batch, if it is their turn."""
    early = 0 < _enough(size, used, k) < min(FRESH, size / (seen + size))
    return SWEEPS if early else 1


def turn_after(shares: Shares, sweeps: int, fresh: float) -> Turn:
    """Return what comes with a batch; of the recent memory, `fresh` was newer than the atoms."""
    recent, long = shares
    fresh = 1 - (1 - fresh) * (1 - recent)
    moves = fresh >= FRESH
    return Turn((1 - recent, 1 - long), sweeps * moves, 0.0 if moves else fresh)


def _enough(size: float, used: float, k: int) -> float:
    """Return the share of a batch among so many as use the mean atom often enough."""
    return min(size * used / (USES * k), 1.0)


def anchor(size: float) -> float:
    """Return the weight of an anchor in statistics a sample of a batch, in units of ‖x‖²."""
    return max(ANCHOR / size, FIRM)
