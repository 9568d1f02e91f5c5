// The lasso of a row by an active set and the inverse of its Gram: what `kernels/lasso.py` is on the
// host, which see for the mathematics and its sources. A round:
//
//   1. price all atoms: q = c − G u;
//   2. admit the strongest of those that pull beyond alpha: M grows by a bordered row for each;
//   3. walk along d = M ρ to the optimum of the face, or as far as the first code that would change
//      its sign; that atom leaves; until a whole step fits.

constexpr bool SINGLE = sizeof(real) == 4;
constexpr int FIRST = 6;   // atoms admitted to an empty set
constexpr int STALE = 20;  // times that M is made anew
constexpr real TINY = 4 * EPS;  // beyond alpha, relative: a pull that is rounding
constexpr real LOOSE = SINGLE ? real(1e-3) : real(1e-9);   // of alpha: so far off, and M is made anew
constexpr real FLOOR = SINGLE ? real(1e-5) : real(1e-10);  // of ‖v‖²: with less it is in the span
enum Status { SOLVED, CROWDED, UNSETTLED };
enum Made { USED, ANEW, WALKED };  // of M: has changed, was just made, was made and walked with once

// Move u along the dependence of an atom on the set, (−w, 1), to the first zero; return its place
// and how far. Nothing changes but ‖u‖₁, which falls. The place is −1 if there is none.
DEVICE int give_way(Active &A, real sign, const real (&w)[SLOTS], real &far) {
  bool falls[SLOTS];
  real d[SLOTS], t[SLOTS], least = real(1e30);
  EACH(s) {
    d[s] = -sign * w[s];
    falls[s] = d[s] * A.sign[s] < 0;
    t[s] = falls[s] ? -A.u[s] / d[s] : real(1e30);
    least = t[s] < least ? t[s] : least;
  }
  if (!votes(falls)) return -1;
  far = smallest(least);
  EACH(s) falls[s] = falls[s] && t[s] == far;
  EACH(s) A.u[s] += far * d[s];
  return first(votes(falls));
}

// Let atom j in, with a code or with 0 and the sign of its pull; return whether anything changed.
// One in the span of the set changes places with the atom that its entry drives to zero first.
DEVICE bool enter(Active &A, const Row &row, int j, real code, real sign, real q) {
  for (bool changed = false;; changed = true) {
    real w[SLOTS], far = 0;
    const real rest = outside(w, A, row, j);
    if (rest > FLOOR * row.gram(j)[j]) {
      if (A.used == FULL) return changed;
      border(A, j, w, rest, code, sign, q - row.alpha * sign);
      return true;
    }
    const int place = give_way(A, sign, w, far);
    if (place < 0) return changed;
    code += sign * far;
    leave(A, place);
  }
}

// Go to the optimum of the face.
DEVICE void walk(Active &A) {
  while (A.used) {
    real d[SLOTS], t[SLOTS], least = 1;
    bool crosses[SLOTS];
    times(d, A, A.rho);
    EACH(s) {
      crosses[s] = in(A.used, s) && (A.u[s] + d[s]) * A.sign[s] <= 0;
      t[s] = !crosses[s] ? real(1) : d[s] != 0 ? -A.u[s] / d[s] : real(0);
      least = t[s] < least ? t[s] : least;
    }
    const bool stops = votes(crosses);
    const real step = stops ? smallest(least) : real(1);
    EACH(s) crosses[s] = crosses[s] && t[s] == step;
    const int out = stops ? first(votes(crosses)) : -1;
    EACH(s) A.u[s] += step * d[s], A.rho[s] *= 1 - step;
    if (out < 0) return;
    leave(A, out);
  }
}

// Let the codes of a dense row in; left out is what is not feasible.
DEVICE void begin(Active &A, const Row &row, const real *start) {
  for (int tile = 0; tile < row.k; tile += LANES) {
    const int j = tile + lane();
    const real code = j < row.k ? start[j] : real(0);
    unsigned some = __ballot_sync(ALL, row.positive ? code > 0 : code != 0);
    for (; some && A.used != FULL; some &= some - 1) {
      const real u = __shfl_sync(ALL, code, first(some));
      enter(A, row, tile + first(some), u, u > 0 ? real(1) : real(-1), 0);
    }
  }
}

// Make M anew: let all atoms go and come in again.
DEVICE void remake(Active &A, const Row &row) {
  const Active old = A;
  clear(A);
  for (int b = 0; b < past(old.used); b++)
    if (old.used >> b & 1) enter(A, row, at(old.atom, b), at(old.u, b), at(old.sign, b), 0);
}

// Admit the strongest; return whether anything changed. `wanting` says whether any pulls.
DEVICE bool admit(Active &A, const Row &row, Offer offer, real least, bool &wanting) {
  bool changed = false;
  wanting = false;
  for (int more = A.used ? max(4, size(A.used) / 3) : FIRST; more > 0; more--) {
    const int who = strongest(offer.pull, offer.pull > least);
    if (who < 0) break;
    const real q = __shfl_sync(ALL, offer.q, who);
    const int j = __shfl_sync(ALL, offer.atom, who);
    if (lane() == who) offer.pull = 0;
    wanting = true;
    changed |= enter(A, row, j, 0, q > 0 ? real(1) : real(-1), q);
  }
  return changed;
}

// The duality gap ½(1 − s)²‖r‖² + alpha‖u‖₁ − s⟨u, q⟩, with the rounding of its terms: q is known to
// ν‖v‖, ν = terms·eps·(‖x‖ + Σ|u|‖v‖).
DEVICE real bound(const Active &A, const Row &row, const real (&q)[SLOTS], real pull, real longest,
                  int terms) {
  real size_ = 0, uc = 0, uq = 0, mass = 0;
  EACH(s) if (in(A.used, s)) {
    const int j = A.atom[s];
    const real u = A.u[s], own = row.positive ? q[s] : magnitude(q[s]);
    pull = own > pull ? own : pull;
    size_ += magnitude(u), uc += u * row.c[j], uq += u * q[s];
    mass += magnitude(u) * sqrt(row.gram(j)[j]);
  }
  size_ = total(size_), uc = total(uc), uq = total(uq), mass = total(mass);
  const real length = sqrt(row.sq) + mass, noise = (terms + size(A.used)) * EPS * length;
  const real free = row.sq - uc - uq, rest = (free > 0 ? free : 0) + 2 * noise * length;
  pull = largest(pull) + noise * longest;
  const real scale = pull > row.alpha ? row.alpha / pull : real(1);
  const real slack = row.alpha * size_ - scale * uq;
  return real(0.5) * (1 - scale) * (1 - scale) * rest + (slack > 0 ? slack : 0) + noise * mass;
}

// Each row of C (n, k), a warp each, with the Gram G (k, k), or its own G (n, k, k) if `apart`, from
// the codes start (n, k). alphas and sq = ‖x‖² are (n,), `longest` is the largest norm of an atom.
// Written are what is not zero of the codes U (n, k), the gaps and the status (n,).
extern "C" __global__ void lasso(const real *G, const real *C, const real *sq, const real *alphas,
                                 const real *longest, const real *start, real *U, real *gaps,
                                 int *status, int n, int k, int apart, int positive, int terms,
                                 int rounds) {
  SHARED(real, shared);
  const int warp = threadIdx.x / LANES;
  const long long i = (long long)blockIdx.x * (blockDim.x / LANES) + warp;
  if (i >= n) return;
  const Row row = {apart ? G + i * k * k : G, C + i * k, k, alphas[i], sq[i], positive != 0};
  Active A = {shared + warp * PLACES * PLACES + lane()};
  clear(A);
  const real size_ = sqrt(row.sq) * longest[0];
  const real least = row.alpha + TINY * (row.alpha > size_ ? row.alpha : size_);
  begin(A, row, start + i * k);
  Made made = A.used ? ANEW : USED;
  Status how = UNSETTLED;
  real q[SLOTS], pull = 0, before = real(1e30);
  for (int turn = 0, stale = 0; turn <= rounds; turn++) {
    const Offer offer = price(q, A, row);
    real off = 0;
    pull = offer.pull;
    EACH(s) if (in(A.used, s)) {
      A.rho[s] = q[s] - row.alpha * A.sign[s];
      off = magnitude(A.rho[s]) > off ? magnitude(A.rho[s]) : off;
    }
    off = largest(off);
    if (turn == rounds) break;
    if (made == USED && off > LOOSE * least && stale < STALE) {
      remake(A, row);
      made = ANEW, stale++;
      continue;
    }
    const bool settled = off <= least - row.alpha || !(off <= before / 2);
    bool wanting = false;
    if (made != ANEW) {
      const bool full = A.used == FULL;
      const bool changed = admit(A, row, offer, least, wanting);
      if (wanting ? !changed : settled) {
        how = !wanting ? SOLVED : full ? CROWDED : UNSETTLED;
        break;
      }
    }
    before = made == ANEW || wanting ? real(1e30) : off;
    made = made == ANEW ? WALKED : USED;
    walk(A);
  }
  const real gap = bound(A, row, q, pull, longest[0], terms);
  if (lane() == 0) gaps[i] = gap, status[i] = how;
  EACH(s) if (in(A.used, s)) U[i * k + A.atom[s]] = A.u[s];
}
