#include "warp.cuh"
// The active set of a row and M, the inverse of its Gram, in O(m) steps of the warp for each atom
// that comes or goes: what `host/kernels/active.py` is on the host.
//
// An atom keeps its place until it leaves. Where a place is free, M has zeros in its row and column,
// and all vectors over the places are 0; so loops take several places at a time. M is (PLACES,
// PLACES), and a lane reads and writes its own columns alone.

struct Row {  // ½⟨u, G u⟩ − ⟨u, c⟩ + alpha‖u‖₁ over k atoms, and ‖x‖²
  const real *G, *c;
  int k;
  real alpha, sq;
  bool positive;

  DEVICE const real *gram(int j) const { return G + (long long)j * k; }
};

struct Active {
  real *M;          // its column of this lane: entry (b, p) is M[b · PLACES + s · LANES]
  Set used;         // the places in use
  int atom[SLOTS];  // −1 where the place is free
  real u[SLOTS], sign[SLOTS], rho[SLOTS];  // codes, their signs, slopes ρ = corr − alpha·sign

  DEVICE real &entry(int b, int s) const { return M[b * PLACES + s * LANES]; }
};

DEVICE void clear(Active &A) {
  A.used = 0;
  EACH(s) A.atom[s] = -1, A.u[s] = A.sign[s] = A.rho[s] = 0;
  BY(4, b, PLACES) EACH(s) A.entry(b, s) = 0;
}

// out = M x
DEVICE void times(real (&out)[SLOTS], const Active &A, const real (&x)[SLOTS]) {
  EACH(s) out[s] = 0;
  const int end = past(A.used);
  BY(4, b, end) {
    const real xb = at(x, b);
    EACH(s) out[s] += A.entry(b, s) * xb;
  }
}

// M += scale · w wᵀ
DEVICE void rank_one(const Active &A, const real (&w)[SLOTS], real scale, int end) {
  real scaled[SLOTS];
  EACH(s) scaled[s] = scale * w[s];
  BY(4, b, end) {
    const real x = at(scaled, b);
    EACH(s) A.entry(b, s) += x * w[s];
  }
}

// The squared length of atom j outside the span of the set; w = M G_Sj.
DEVICE real outside(real (&w)[SLOTS], const Active &A, const Row &row, int j) {
  const real *Gj = row.gram(j);
  real g[SLOTS], inside = 0;
  EACH(s) g[s] = in(A.used, s) ? Gj[A.atom[s]] : real(0);
  times(w, A, g);
  EACH(s) inside += g[s] * w[s];
  return Gj[j] - total(inside);
}

// Let atom j into the first free place: M grows by (w, −1)(w, −1)ᵀ / part.
DEVICE void border(Active &A, int j, real (&w)[SLOTS], real part, real code, real sign, real slope) {
  const int place = first(Set(~A.used));
  A.used |= Set(1) << place;
  EACH(s) if (here(place, s)) {
    w[s] = -1;
    A.atom[s] = j, A.u[s] = code, A.sign[s] = sign, A.rho[s] = slope;
  }
  rank_one(A, w, 1 / part, past(A.used));
}

// Let the atom in a place go: M loses its row and column, by w wᵀ / w_out with w = M[out].
DEVICE void leave(Active &A, int out) {
  real w[SLOTS];
  EACH(s) w[s] = A.entry(out, s);
  const int end = past(A.used);
  rank_one(A, w, -1 / at(w, out), end);
  BY(4, b, end) EACH(s) if (b == out || here(out, s)) A.entry(b, s) = 0;
  EACH(s) if (here(out, s)) A.atom[s] = -1, A.u[s] = A.sign[s] = A.rho[s] = 0;
  A.used &= ~(Set(1) << out);
}

struct Offer {  // the atom outside the set that pulls hardest of those that a lane has seen
  real pull, corr;
  int atom;
};

struct alignas(WIDTH == 1 ? sizeof(real) : 16) Chunk {
  real of[WIDTH];
};

// corr = c − Σ_a u_a G[S_a] over all atoms, a tile at a time; kept are corr on the set and offers.
DEVICE Offer price(real (&corr)[SLOTS], const Active &A, const Row &row) {
  Offer best = {0, 0, -1};
  const int end = past(A.used);
  int atom[SLOTS];  // 0 where the place is free
  EACH(s) atom[s] = max(A.atom[s], 0), corr[s] = 0;
  for (int tile = 0; tile < row.k; tile += LANES * WIDTH) {
    const int mine = tile + lane() * WIDTH;
    const bool some = mine < row.k;
    const int j = some ? mine : 0;
    Chunk x = *(const Chunk *)(row.c + j);
    BY(2, b, end) {
      const Chunk g = *(const Chunk *)(row.gram(at(atom, b)) + j);
      const real u = at(A.u, b);
      for (int v = 0; v < WIDTH; v++) x.of[v] -= u * g.of[v];
    }
    EACH(s) {
      const int o = A.atom[s] - tile, from = (o / WIDTH) & (LANES - 1);
      for (int v = 0; v < WIDTH; v++) {
        const real other = __shfl_sync(ALL, x.of[v], from);
        if (o == from * WIDTH + v) corr[s] = other;
      }
    }
    for (int v = 0; v < WIDTH; v++) {
      const real pull = row.positive ? x.of[v] : magnitude(x.of[v]);
      if (some && pull > best.pull) best = {pull, x.of[v], j + v};
    }
  }
  BY(4, b, end) if (at(A.atom, b) == best.atom) best.pull = 0;  // in the set, and not on offer
  return best;
}
