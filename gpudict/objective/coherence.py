"""How alike atoms are: cosines, found in blocks, so that no k × k matrix is made of many."""

from __future__ import annotations

from gpudict.arrays.door import Array, array_namespace, divisor, precise

NUMBERS = 2**22  # cosines of a block


def unit(V: Array, /) -> Array:
    """Return the atoms divided by their norms; zeros stay."""
    xp = array_namespace(V)
    return V / divisor(xp.sqrt(xp.sum(V * V, axis=1)))[:, None]


def largest_cosines(V: Array, /) -> tuple[Array, Array]:
    """Return each atom's largest cosine with another, (k,), and the largest |cosine| of all, 0-d.

    Both are 0 for an atom that has no other.
    """
    xp, k = array_namespace(V), V.shape[0]
    if k == 1:
        return xp.zeros_like(V[:, 0]), xp.zeros_like(V[0, 0])
    U, number, size = unit(V), xp.arange(k, device=V.device), max(1, NUMBERS // k)
    highest, lowest = [], []
    with precise(V):
        for low in range(0, k, size):
            here = slice(low, min(low + size, k))
            cosine = U[here, :] @ xp.matrix_transpose(U)
            own, far = number[here, None] == number[None, :], xp.full_like(cosine, xp.inf)
            highest.append(xp.max(xp.where(own, -far, cosine), axis=1))
            lowest.append(xp.min(xp.where(own, far, cosine), axis=1))
    top = xp.concat(highest)
    return top, xp.maximum(xp.max(top), -xp.min(xp.concat(lowest)))
