// The lasso of a row by an active set and the inverse of its Gram: what `host/kernels/lasso.py` is
// on the host, which see for the mathematics and its sources. A round:
//
//   1. price all atoms: corr = c − G u;
//   2. admit the strongest of those that pull beyond alpha: M grows by a bordered row for each;
//   3. walk along d = M ρ to the optimum of the face, or as far as the first code that would change
//      its sign; that atom leaves; until a whole step fits.
#include "active.cuh"

constexpr real NEVER = real(1e30);  // so far along, or so far off

// Move u along the dependence of an atom on the set, (−w, 1), to the first zero; return its place
// and how far. Nothing changes but ‖u‖₁, which falls. The place is −1 if there is none; entries of w
// that are rounding do not count.
DEVICE int give_way(Active &A, real sign, const real (&w)[SLOTS], real &far) {
  bool falls[SLOTS];
  real d[SLOTS], t[SLOTS], most = 0, least = NEVER;
  EACH(s) most = magnitude(w[s]) > most ? magnitude(w[s]) : most;
  most = largest(most);
  EACH(s) {
    d[s] = -sign * w[s];
    falls[s] = d[s] * A.sign[s] < 0 && magnitude(w[s]) > FLOOR * most;
    t[s] = falls[s] ? -A.u[s] / d[s] : NEVER;
    least = t[s] < least ? t[s] : least;
  }
  if (!votes(falls)) return -1;
  far = smallest(least);
  EACH(s) falls[s] = falls[s] && t[s] == far;
  const int place = first(votes(falls));
  if (place >= 0) EACH(s) A.u[s] += far * d[s];
  return place;
}

// Let atom j in, with a code or with 0 and the sign of its pull; return whether anything changed.
// One in the span of the set changes places with the atom that its entry drives to zero first.
DEVICE bool enter(Active &A, const Row &row, int j, real code, real sign, real corr) {
  for (bool changed = false;; changed = true) {
    real w[SLOTS], far = 0;
    const real part = outside(w, A, row, j);
    if (part > FLOOR * row.gram(j)[j]) {
      if (A.used == FULL) return changed;
      border(A, j, w, part, code, sign, corr - row.alpha * sign);
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

// The codes of a dense row, in places; left out is what is not feasible, and what finds no place.
DEVICE Active codes(const Row &row, const real *start) {
  Active list = {};
  for (int tile = 0; tile < row.k; tile += LANES) {
    const int j = tile + lane();
    const real code = j < row.k ? start[j] : real(0);
    unsigned some = __ballot_sync(ALL, row.positive ? code > 0 : code != 0);
    for (; some && list.used != FULL; some &= some - 1) {
      const int from = first(some), place = size(list.used);
      const real u = __shfl_sync(ALL, code, from);
      EACH(s) if (here(place, s))
        list.atom[s] = tile + from, list.u[s] = u, list.sign[s] = u > 0 ? 1 : -1;
      list.used |= Set(1) << place;
    }
  }
  return list;
}

// Let in the atoms of a list with their codes, or else the strongest of those on offer; return
// whether anything changed.
DEVICE bool admit(Active &A, const Row &row, Active list, Offer offer, real least) {
  const bool listed = list.used;
  bool changed = false;
  int more = listed ? size(list.used) : A.used ? max(MORE, size(A.used) / SHARE) : FIRST;
  for (; more > 0; more--) {
    int j;
    real code = 0, corr = 0, sign;
    if (listed) {
      const int place = first(list.used);
      j = at(list.atom, place), code = at(list.u, place), sign = at(list.sign, place);
      list.used &= list.used - 1;
    } else {
      const int who = strongest(offer.pull, offer.pull > least);
      if (who < 0) break;
      j = __shfl_sync(ALL, offer.atom, who), corr = __shfl_sync(ALL, offer.corr, who);
      sign = corr > 0 ? 1 : -1;
      if (lane() == who) offer.pull = 0;
    }
    changed |= enter(A, row, j, code, sign, corr);
  }
  return changed;
}

// ρ = corr_S − alpha·s; return its largest entry.
DEVICE real slopes(Active &A, const Row &row, const real (&corr)[SLOTS]) {
  real off = 0;
  EACH(s) if (in(A.used, s)) {
    A.rho[s] = corr[s] - row.alpha * A.sign[s];
    off = magnitude(A.rho[s]) > off ? magnitude(A.rho[s]) : off;
  }
  return largest(off);
}

// The duality gap ½(1 − s)²‖r‖² + alpha‖u‖₁ − s⟨u, corr⟩ with s = alpha / max|corr|, to the rounding
// of ‖r‖² = ‖x‖² − ⟨u, c⟩ − ⟨u, corr⟩. `pull` is the largest of the lane's atoms outside the set.
DEVICE real gap(const Active &A, const Row &row, const real (&corr)[SLOTS], real pull) {
  real norm = 0, uc = 0, uq = 0;
  EACH(s) if (in(A.used, s)) {
    const real inner = row.positive ? corr[s] : magnitude(corr[s]);
    pull = inner > pull ? inner : pull;
    norm += magnitude(A.u[s]), uc += A.u[s] * row.c[A.atom[s]], uq += A.u[s] * corr[s];
  }
  norm = total(norm), uc = total(uc), uq = total(uq), pull = largest(pull);
  const real scale = pull > row.alpha ? row.alpha / pull : real(1);
  const real error = row.sq - uc - uq, slack = row.alpha * norm - scale * uq;
  const real far = (1 - scale) * (1 - scale) * (error > 0 ? error : 0) / 2;
  return far + (slack > 0 ? slack : 0);
}

// Each row of C (n, k), a warp each, with the Gram G (k, k), or one for each, (n, k, k), if `apart`, from
// the codes start (n, k). alphas and sq = ‖x‖² are (n,), `longest` is the largest ‖v‖².
// Written are what is not zero of the codes U (n, k), the gaps and the status (n,). With `again` only
// rows that are CROWDED are solved; with `more` no code of such a row is written, as it will be again.
extern "C" __global__ void lasso(const real *G, const real *C, const real *sq, const real *alphas,
                                 const real *longest, const real *start, real *U, real *gaps,
                                 int *statuses, int n, int k, int apart, int positive, int rounds,
                                 int again, int more) {
  SHARED(real, shared);
  const int warp = threadIdx.x / LANES;
  const long long i = row_of_warp();
  if (i >= n) return;
  if (again && statuses[i] != CROWDED) return;
  const Row row = {apart ? G + i * k * k : G, C + i * k, k, alphas[i], sq[i], positive != 0};
  Active A = {shared + warp * PLACES * PLACES + lane()};
  clear(A);
  const real size_ = sqrt(row.sq) * sqrt(longest[0]);
  const real least = row.alpha + TINY * (row.alpha > size_ ? row.alpha : size_);
  Active list = codes(row, start + i * k);
  Offer offer = {0, 0, -1};
  Status status = UNSETTLED;
  bool wanting = false, fresh = false;  // an atom pulls; M was just made anew
  real corr[SLOTS], pull = 0, before = NEVER;
  for (int turn = 0, stale = 0;; turn++) {
    const bool listed = list.used, full = A.used == FULL;
    if (listed || wanting) {
      const bool changed = admit(A, row, list, offer, least);
      status = full ? CROWDED : UNSETTLED;
      if (wanting && !changed) break;
    }
    if (!listed) walk(A);  // after codes came in from a list, slopes have to come first
    offer = price(corr, A, row);
    pull = offer.pull;
    const real off = slopes(A, row, corr);
    if (turn == rounds) break;
    const bool rough = !listed && !fresh && off > LOOSE * least && stale < STALE;
    wanting = !listed && !rough && __ballot_sync(ALL, offer.pull > least);
    if (!listed && !rough && !wanting && (off <= least - row.alpha || !(off <= before / 2))) {
      status = SOLVED;
      break;
    }
    before = listed || rough || wanting ? NEVER : off;
    fresh = listed;
    list.used = 0;
    if (rough) {  // M has gathered errors
      list = A, stale++;
      clear(A);
    }
  }
  const real bound = gap(A, row, corr, pull);
  if (lane() == 0) gaps[i] = bound, statuses[i] = status;
  if (more && status == CROWDED) return;
  EACH(s) if (in(A.used, s)) U[i * k + A.atom[s]] = A.u[s];
}
