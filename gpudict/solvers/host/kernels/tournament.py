"""Which atoms pull hardest: a tournament in whole vectors, and its winners one by one.

`pull` (wide,) is padded with zeros to a power of two; it is folded in halves to as many winners as
there are lanes, of which lane l has the largest pull of the atoms l, l + lanes, l + 2·lanes, …
"""

from __future__ import annotations

from gpudict.solvers.host.kernels.compiling import inner

LANES = 16
MANY = 128  # lanes for thousands of atoms


@inner
def width_for(k, lanes=LANES):
    """Return the power of two that holds k pulls."""
    wide = 2 * lanes
    while wide < k:
        wide *= 2
    return wide


@inner
def halved(pull, best, lanes=LANES):
    """best[:lanes] are the winners."""
    half = best.shape[0]
    for j in range(half):
        best[j] = pull[j] if pull[j] > pull[j + half] else pull[j + half]
    half //= 2
    while half >= lanes:
        for j in range(half):
            best[j] = best[j] if best[j] > best[j + half] else best[j + half]
        half //= 2


@inner
def fold(pull, best, corr, positive, atoms, m):
    """pull = |corr| (corr if positive), 0 for the m atoms; best[:LANES] are the winners."""
    for j in range(corr.shape[0]):
        pull[j] = max(corr[j], 0.0 if positive else -corr[j])
    for a in range(m):
        pull[atoms[a]] = 0.0
    halved(pull, best)


@inner
def top(best, lanes=LANES):
    """Return the strongest pull."""
    most = 0.0
    for lane in range(lanes):
        most = max(most, best[lane])
    return most


@inner
def strongest(pull, best, least, lanes=LANES):
    """Take the first atom of the strongest pull above `least` out, and return it, or −1."""
    lane = -1
    most = least
    for b in range(lanes):
        if best[b] > most:
            most = best[b]
            lane = b
    found = lane
    if lane >= 0:
        while pull[found] != most:
            found += lanes
        for b in range(lane + 1, lanes):
            if best[b] == most:
                other = b
                while pull[other] != most:
                    other += lanes
                if other < found:
                    found, lane = other, b
        pull[found] = 0.0
        second = 0.0
        for j in range(lane, pull.shape[0], lanes):
            second = pull[j] if pull[j] > second else second
        best[lane] = second
    return found
