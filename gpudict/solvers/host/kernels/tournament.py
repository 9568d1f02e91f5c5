"""Which atoms pull hardest: a tournament in whole vectors, and its winners one by one.

`pull` (wide,) is padded with zeros to a power of two; it is folded in halves to LANES winners,
where lane l has the largest pull of the atoms l, l + LANES, l + 2·LANES, …
"""

from __future__ import annotations

from gpudict.solvers.host.kernels.compiling import inner

LANES = 16


@inner
def width_for(k):
    """Return the power of two that holds k pulls."""
    wide = 2 * LANES
    while wide < k:
        wide *= 2
    return wide


@inner
def halved(pull, best):
    """best[:LANES] are the winners."""
    half = best.shape[0]
    for j in range(half):
        best[j] = pull[j] if pull[j] > pull[j + half] else pull[j + half]
    half //= 2
    while half >= LANES:
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
def top(best):
    """Return the strongest pull."""
    most = 0.0
    for lane in range(LANES):
        most = max(most, best[lane])
    return most


@inner
def strongest(pull, best, least):
    """Take the first atom of the strongest pull above `least` out, and return it, or −1."""
    lane = -1
    most = least
    for b in range(LANES):
        if best[b] > most:
            most = best[b]
            lane = b
    found = lane
    if lane >= 0:
        while pull[found] != most:
            found += LANES
        for b in range(lane + 1, LANES):
            if best[b] == most:
                other = b
                while pull[other] != most:
                    other += LANES
                if other < found:
                    found, lane = other, b
        pull[found] = 0.0
        second = 0.0
        for j in range(lane, pull.shape[0], LANES):
            second = pull[j] if pull[j] > second else second
        best[lane] = second
    return found
