"""The lasso of a row in 100 digits: its optimal value, and the objective of any codes.

Where an oracle in float64 would itself be decided by rounding. It walks over the faces of the
problem, an atom at a time, with the inverse of the Gram of the active atoms, and says that it ended
only where the conditions of optimality hold to 70 digits. Nothing here imports the package.
"""

from __future__ import annotations

import mpmath
import numpy as np

mpmath.mp.dps = 100
WIDE = np.frompyfunc(mpmath.mpf, 1, 1)
SIGN = np.frompyfunc(mpmath.sign, 1, 1)
ZERO = mpmath.mpf(0)
TINY = mpmath.mpf(10) ** -70


def exactly(a) -> np.ndarray:
    """Return the numbers as they are, in 100 digits."""
    return WIDE(np.asarray(a).astype(np.float64))


def objective(x, V, u, alpha):
    """½‖x − uV‖² + alpha‖u‖₁ of one row; V (k, d) in 100 digits, x, u and alpha as they come."""
    on = np.flatnonzero(u)
    u, r = exactly(u[on]), exactly(x)
    r = r - u @ V[on] if len(on) else r
    return (r @ r) / 2 + mpmath.mpf(float(alpha)) * abs(u).sum()


def lasso(x, V, G, alpha, positive=False):
    """The optimal value of one row, for V (k, d) and G = V Vᵀ in 100 digits, and its code."""
    x, alpha = exactly(x), mpmath.mpf(float(alpha))
    c, sq = V @ x, x @ x
    norms = np.array([mpmath.sqrt(g) for g in np.diagonal(G)])
    slack = TINY * mpmath.sqrt(sq) * norms.max()
    S, s, u, M = [], np.zeros(0, object), np.zeros(0, object), np.zeros((0, 0), object)
    whole = True
    for _ in range(100 * len(V) + 100):
        corr = c - u @ G[S] if S else c
        enter = None
        if whole:
            pull = corr.copy() if positive else abs(corr)
            pull[S] = -1
            j = int(np.argmax(pull))
            if pull[j] <= alpha + slack:
                value = (sq - (u @ (c[S] + corr[S]) if S else ZERO)) / 2 + alpha * abs(u).sum()
                return value, _dense(len(V), S, u)
            enter = j
        S, s, u, M, whole = _moved(G, corr, alpha, (S, s, u, M), enter)
    raise AssertionError("the oracle did not end")


def _dense(k, S, u):
    code = np.full(k, ZERO)
    code[S] = u
    return code


def _moved(G, corr, alpha, face, enter):
    """Go to the optimum of the face, with the atom that enters if one does, or to its edge."""
    S, s, u, M = face
    rho = corr[S] - alpha * s if S else u
    d, far = M @ rho, mpmath.mpf(1)
    if enter is not None:
        sign = mpmath.sign(corr[enter])
        g = G[S, enter] if S else u
        w = M @ g
        part = G[enter, enter] - g @ w
        if part > TINY * G[enter, enter]:
            M = _bordered(M, w, part)
            step = (corr[enter] - alpha * sign - w @ rho) / part
            d = np.append(d - w * step, step)
        else:
            M = None  # formed anew, once the atom that gives way is known
            d, far = np.append(-w * sign, sign), mpmath.inf
        S, s, u = [*S, enter], np.append(s, sign), np.append(u, ZERO)
    stops = [(-u[a] / d[a], a) for a in range(len(S)) if d[a] * s[a] < 0]
    t, place = min(stops, default=(mpmath.inf, None))
    if t > far or place is None:
        return S, s, u + far * d, M, True
    u = u + t * d
    kept = [a for a in range(len(S)) if a != place]
    M = _without(M, place) if M is not None else None
    S, s, u = [S[a] for a in kept], s[kept], u[kept]
    M = _inverse(G[np.ix_(S, S)]) if M is None else M
    return S, s, u, M, False


def _bordered(M, w, part):
    m = len(w)
    larger = np.full((m + 1, m + 1), ZERO)
    larger[:m, :m] = M
    w = np.append(w, mpmath.mpf(-1))
    return larger + np.outer(w, w) / part


def _without(M, place):
    kept = [a for a in range(len(M)) if a != place]
    column = M[kept, place]
    return M[np.ix_(kept, kept)] - np.outer(column, column) / M[place, place]


def _inverse(A):
    m = len(A)
    AI = np.hstack([A, np.where(np.eye(m) == 1, mpmath.mpf(1), ZERO)])
    for j in range(m):
        AI[j] = AI[j] / AI[j, j]
        for i in range(m):
            if i != j:
                AI[i] = AI[i] - AI[i, j] * AI[j]
    return AI[:, m:]
