"""Slow and obvious: every formula of the package written again from its paper, in NumPy float64.

Nothing here imports the package.
"""

from __future__ import annotations

import itertools

import numpy as np


def lasso_objective(X, V, U, alpha):
    """½‖x − uV‖² + alpha‖u‖₁ of each row (Tibshirani 1996, eq. 1)."""
    R = X.astype(float) - U.astype(float) @ V.astype(float)
    return 0.5 * (R * R).sum(axis=1) + alpha * np.abs(U.astype(float)).sum(axis=1)


def lasso_gap(X, V, U, alpha, positive=False):
    """Primal minus dual of each row, the dual point being the residual scaled into |Vθ| ≤ alpha."""
    X, V, U = (a.astype(float) for a in (X, V, U))
    gaps = []
    for x, u in zip(X, U, strict=True):
        r = x - u @ V
        pull = V @ r if positive else np.abs(V @ r)
        theta = r * min(1.0, alpha / max(pull.max(), 1e-300))
        primal = 0.5 * r @ r + alpha * np.abs(u).sum()
        gaps.append(primal - (x @ theta - 0.5 * theta @ theta))
    return np.array(gaps)


def lasso_by_descent(x, V, alpha, positive=False, sweeps=20_000):
    """The code of a row by coordinate descent until no code moves (Friedman et al. 2007)."""
    u, norm2 = np.zeros(len(V)), (V * V).sum(axis=1)
    for _ in range(sweeps):
        before = u.copy()
        for j in np.flatnonzero(norm2):
            c = V[j] @ (x - u @ V) + norm2[j] * u[j]
            size = max(c if positive else abs(c), 0.0) - alpha
            u[j] = np.sign(c) * max(size, 0.0) / norm2[j]
        if np.abs(u - before).max() <= 1e-15 * np.abs(u).max():
            break
    return u


def weighted(x, V, w):
    """The row and the atoms of a plain problem with the residual √w∘(x − uV)."""
    x = np.where(w > 0, x, 0.0).astype(float)
    return np.sqrt(w.astype(float)) * x, np.sqrt(w.astype(float)) * V.astype(float)


def lasso_by_enumeration(x, V, alpha, positive=False):
    """The optimal value, by trying every support and sign pattern: 3^k small linear systems."""
    best = 0.5 * x @ x
    for signs in itertools.product((0, 1) if positive else (-1, 0, 1), repeat=len(V)):
        s = np.array(signs, dtype=float)
        on = s != 0
        u = np.zeros(len(V))
        if on.any():
            A = V[on]
            u[on] = np.linalg.pinv(A @ A.T) @ (A @ x - alpha * s[on])
        if (u * s >= 0).all():
            r = x - u @ V
            best = min(best, 0.5 * r @ r + alpha * np.abs(u).sum())
    return best


def omp(x, V, n_nonzero, target=0.0, positive=False):
    """Orthogonal matching pursuit by least squares (Pati, Rezaiifar and Krishnaprasad 1993).

    If positive, an atom that would make a code negative is passed over.
    """
    chosen, tried, u = [], [], np.zeros(len(V))
    r = x
    while len(chosen) < n_nonzero and r @ r > target:
        pull = V @ r if positive else np.abs(V @ r)
        pull[tried] = -1
        if pull.max() <= 1e-12:
            break
        tried.append(int(pull.argmax()))
        fit = np.linalg.lstsq(V[[*chosen, tried[-1]]].T, x, rcond=None)[0]
        if positive and fit.min() < 0:
            continue
        chosen.append(tried[-1])
        u = np.zeros(len(V))
        u[chosen] = fit
        r = x - u @ V
    return u


def ols(x, V, n_nonzero, target=0.0, positive=False):
    """Orthogonal least squares: of all least squares with one atom more the best is kept.

    If positive, an atom that would make a code negative is passed over (Chen, Billings and Luo 1989
    without that).
    """
    chosen, tried, u = [], [], np.zeros(len(V))
    r = x
    while len(chosen) < n_nonzero and r @ r > target:
        fits = {}
        for j in set(range(len(V))) - set(tried):
            if (V[j] @ r if positive else abs(V[j] @ r)) > 1e-12:
                fits[j] = np.linalg.lstsq(V[[*chosen, j]].T, x, rcond=None)[0]
        if not fits:
            break
        errors = {j: ((x - fit @ V[[*chosen, j]]) ** 2).sum() for j, fit in fits.items()}
        tried.append(min(errors, key=lambda j: errors[j]))
        if positive and fits[tried[-1]].min() < 0:
            continue
        chosen.append(tried[-1])
        u = np.zeros(len(V))
        u[chosen] = fits[tried[-1]]
        r = x - u @ V
    return u


def lars(x, V, n_nonzero):
    """Least-angle regression, Efron et al. (2004), equations 2.4 to 2.13, for unit atoms."""
    u, active = np.zeros(len(V)), []
    for _ in range(n_nonzero):
        c = V @ (x - u @ V)
        largest = np.abs(c).max()
        fresh = [j for j in np.argsort(-np.abs(c)) if j not in active]
        active.append(int(fresh[0]))
        s = np.sign(c[active])
        A = s[:, None] * V[active]
        w = np.linalg.solve(A @ A.T, np.ones(len(active)))
        norm = 1 / np.sqrt(w.sum())
        angle = norm * (w @ A)
        a = V @ angle
        step = largest / norm
        for j in set(range(len(V))) - set(active):
            for top, slope in ((largest - c[j], norm - a[j]), (largest + c[j], norm + a[j])):
                if slope > 1e-12 and 1e-12 < top / slope < step:
                    step = top / slope
        u[active] += step * norm * w * s
    return u


def dictionary_objective(A, B, V):
    """½ tr(Vᵀ A V) − tr(Vᵀ B), Mairal et al. (2010), eq. 10."""
    return 0.5 * np.sum(V * (A @ V)) - np.sum(V * B)


def ball_sweep(A, B, V):
    """One sweep of Mairal et al. (2010), algorithm 2, on the unit ball, as scikit-learn does it."""
    V = V.copy()
    for j in range(len(V)):
        v = V[j] + (B[j] - A[j] @ V) / A[j, j]
        V[j] = v / max(np.linalg.norm(v), 1)
    return V


def sphere_sweep(A, B, V, positive=False):
    """The same on the sphere: the best unit atom for what the others leave."""
    V = V.copy()
    for j in range(len(V)):
        b = B[j] - A[j] @ V + A[j, j] * V[j]
        if positive:
            best = np.zeros_like(b)
            best[b.argmax()] = 1.0
            b = np.maximum(b, 0) if b.max() > 0 else best
        V[j] = b / np.linalg.norm(b)
    return V


def left_to_each(X, weight, U, V):
    """Σ wu² (k,), what rows leave to each atom times u and w (k, d), and the squares of X (d,)."""
    own, C = np.zeros(len(V)), np.zeros(V.shape)
    for x, w, u in zip(X, weight, U, strict=True):
        for j in np.flatnonzero(u):
            others = x - sum(u[i] * V[i] for i in range(len(V)) if i != j)
            own[j] += w * u[j] ** 2
            C[j] += w * u[j] * others
    return own, C, weight @ X**2


def on_the_sphere(C, positive=False):
    """The unit vectors that go along with the rows of C most."""
    C = np.maximum(C, 0) if positive else C
    return C / np.linalg.norm(C, axis=1, keepdims=True)


def scikit_learns_forgetting(size):
    """Return the share of a batch in scikit-learn's mini-batch learning, for both our memories."""

    def shares(now, seen, used, k):
        step = round(seen / size)
        theta = (step + 1) * size if step < size - 1 else size**2 + step + 1 - size
        return [size / (theta + 1)] * 2

    return shares


def lasso_bound(X, V, U, alpha, positive=False, rounding=0.0):
    """Return `lasso_gap` with all that rounding may hide, its unit being rounding·(‖x‖ + Σ|u|‖v‖).

    To that unit a correlation is known, for an atom of norm 1: the residual is scaled for it, its
    square and the slack are known to what it makes of them.
    """
    found, norms = [], np.linalg.norm(V, axis=1)
    for x, u in zip(X, U, strict=True):
        r, size, mass = x - u @ V, np.linalg.norm(x), np.abs(u) @ norms
        unit = rounding * (size + mass)
        pull = max((V @ r if positive else np.abs(V @ r)).max(), 0) + unit * norms.max()
        s = min(1.0, alpha / pull)
        slack = max(alpha * np.abs(u).sum() - s * (u @ V @ r), 0)
        away = 0.5 * (1 - s) ** 2 * (r @ r + 2 * unit * (size + mass))
        found.append(away + slack + unit * mass)
    return np.array(found)


def penalised_objective(X, V, U, alpha, *, ridge=0.0, weight=1.0, groups=None):
    """½‖x − uV‖² + alpha Σ w|u| + ½ ridge‖u‖² of each row, or alpha Σ √|g|‖u_g‖ over groups.

    Zou and Hastie (2005), eq. 3, for one sample a row; Zou (2006), eq. 4; Yuan and Lin (2006), 2.1.
    """
    X, V, U = (a.astype(float) for a in (X, V, U))
    R = X - U @ V
    size = np.abs(U) * np.where(U != 0, weight, 0)
    if groups is not None:
        each = [np.linalg.norm(U[:, groups == g], axis=1) for g in np.unique(groups)]
        size = np.stack(each, axis=1) * np.sqrt(np.unique(groups, return_counts=True)[1])
    return 0.5 * (R * R).sum(axis=1) + alpha * size.sum(axis=1) + 0.5 * ridge * (U * U).sum(axis=1)


def penalised(x, V, alpha, *, ridge=0.0, weight=1.0, positive=False):
    """The code of one row by coordinate descent: each to its optimum, until none moves."""
    u, weight = np.zeros(len(V)), np.broadcast_to(weight, len(V))
    G, corr = V @ V.T, V @ x
    for _ in range(10_000):
        before = u.copy()
        for j in np.flatnonzero(np.isfinite(weight)):
            c = corr[j] + u[j] * G[j, j]
            size = max((c if positive else abs(c)) - alpha * weight[j], 0)
            new = np.sign(c) * size / (G[j, j] + ridge)
            corr, u[j] = corr - (new - u[j]) * G[j], new
        if np.abs(u - before).max() <= 1e-13 * np.abs(u).max():
            break
    return u


def grouped(x, V, alpha, groups, positive=False):
    """The code of one row by descent over groups: proximal gradient steps in each, to its optimum.

    Qin, Scheinberg and Goldfarb (2013), algorithm 1 without its line search.
    """
    u = np.zeros(len(V))
    blocks = [groups == g for g in np.unique(groups)]
    lengths = [1 / np.linalg.norm(V[on] @ V[on].T, 2) for on in blocks]
    for _ in range(3000):
        before = u.copy()
        for on, length in zip(blocks, lengths, strict=True):
            z = u[on] + length * V[on] @ (x - u @ V)
            z = np.maximum(z, 0) if positive else z
            norm = np.linalg.norm(z)
            u[on] = z * max(1 - alpha * length * on.sum() ** 0.5 / norm, 0) if norm else 0
        if np.abs(u - before).max() <= 1e-13 * np.abs(u).max():
            break
    return u


def ksvd(X, V, U, positive_code=False, positive_dict=False):
    """A sweep of Rubinstein, Zibulevsky and Elad (2008), algorithm 5, with the codes there are."""
    V, U = V.copy(), U.copy()
    for j in range(len(V)):
        rows = np.flatnonzero(U[:, j])
        if len(rows) == 0:
            continue
        V[j] = 0
        E, g = X[rows] - U[rows] @ V, U[rows, j]
        d = np.maximum(g @ E, 0) if positive_dict else g @ E
        V[j] = d / np.linalg.norm(d)
        U[rows, j] = np.maximum(E @ V[j], 0) if positive_code else E @ V[j]
    return V, U
