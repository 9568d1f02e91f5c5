"""Codes in compressed rows: values and columns one row after another, row i up to ends[i + 1].

A learner needs two things of them, each a short loop over what is not zero: the statistics UᵀWU and
UᵀWX, or those of each atom apart, and the squared errors.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers.host.kernels.compiling import compiled, compiled_in_place, inner


@inner
def emit(atoms, u, m, low, columns, values):
    """Write what is not zero of a row from place `low` on, columns rising; return the end."""
    end = low
    for a in range(m):
        if u[a] != 0.0:
            place = end
            while place > low and columns[place - 1] > atoms[a]:
                columns[place], values[place] = columns[place - 1], values[place - 1]
                place -= 1
            columns[place], values[place] = atoms[a], u[a]
            end += 1
    return end


@compiled
def compress(Z, ends, columns, values):
    """Write the rows of Z (b, k) in compressed form."""
    end = 0
    ends[0] = 0
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            if Z[i, j] != 0.0:
                columns[end], values[end] = j, Z[i, j]
                end += 1
        ends[i + 1] = end


@compiled_in_place
def expand(ends, columns, values, Z):
    """Write compressed rows into Z (b, k), which is zero."""
    for i in range(Z.shape[0]):
        for p in range(ends[i], ends[i + 1]):
            Z[i, columns[p]] = values[p]


@compiled
def add_statistics(ends, columns, values, X, weight, A, B, squares):
    """A += UᵀWU, the upper triangle alone, B += UᵀWX, and to the squares (d,) those of X by W.

    Columns must rise within a row.
    """
    d = X.shape[1]
    for i in range(X.shape[0]):
        low, high = ends[i], ends[i + 1]
        for f in range(d):
            squares[f] += weight[i] * X[i, f] * X[i, f]
        for p in range(low, high):
            v, j = weight[i] * values[p], columns[p]
            for r in range(p, high):
                A[j, columns[r]] += v * values[r]
            for f in range(d):
                B[j, f] += v * X[i, f]


@compiled
def add_apart(ends, columns, values, X, weight, V, own, C, squares):
    """Add what rows leave to each atom: own (k,) += diag(UᵀWU), C += UᵀW(X − UV) + own·V.

    To the squares (d,) add those of X by W.
    """
    d = X.shape[1]
    r = np.empty(d)
    for i in range(X.shape[0]):
        low, high = ends[i], ends[i + 1]
        for f in range(d):
            squares[f] += weight[i] * X[i, f] * X[i, f]
            r[f] = X[i, f]
        for p in range(low, high):
            for f in range(d):
                r[f] -= values[p] * V[columns[p], f]
        for p in range(low, high):
            u, j = values[p], columns[p]
            own[j] += weight[i] * u * u
            for f in range(d):
                C[j, f] += weight[i] * u * (r[f] + u * V[j, f])


@compiled
def mirror(A):
    """Copy the upper triangle of A (k, k) into the lower one, block by block, in place."""
    k = A.shape[0]
    for low in range(0, k, 32):
        for left in range(0, low + 32, 32):
            for i in range(low, min(low + 32, k)):
                for j in range(left, min(left + 32, i)):
                    A[i, j] = A[j, i]


@compiled_in_place
def largest(gap, sq):
    """Return the largest gap in units of ½‖x‖², as it is where x is 0; NaN if there is one."""
    found = 0.0
    for i in range(len(gap)):
        here = 2.0 * gap[i] / sq[i] if sq[i] > 0.0 else 2.0 * gap[i]
        found = here if here > found or here != here else found
    return found


@compiled
def squared_errors(ends, columns, values, X, V, error):
    """Write ‖x − uV‖² of each row into error (b,)."""
    d = X.shape[1]
    r = np.empty(d)
    for i in range(X.shape[0]):
        total = 0.0
        for f in range(d):
            r[f] = X[i, f]
        for p in range(ends[i], ends[i + 1]):
            v, j = values[p], columns[p]
            for f in range(d):
                r[f] -= v * V[j, f]
        for f in range(d):
            total += r[f] * r[f]
        error[i] = total
