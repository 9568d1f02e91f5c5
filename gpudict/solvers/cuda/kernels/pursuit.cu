// Orthogonal matching pursuit of a row, by Batch-OMP with the inverse of the Gram: what
// `host/kernels/pursuit.py` is on the host, which see. Atom j enters with the code v = corr_j / δ, δ
// its squared length outside the span of the set, and the others move by −w v; ‖r‖² falls by v corr_j.
#include "active.cuh"

// Pursue each row of C (n, k), a warp each, with the Gram G (k, k) and sq = ‖x‖² (n,): at most `most`
// atoms, fewer once the squared error is at most `target`. Written are what is not zero of the codes
// U (n, k), and the squared errors (n,), NaN for a row that is given up.
extern "C" __global__ void pursuit(const real *G, const real *C, const real *sq, real *U, real *errors,
                                   int n, int k, int most, double target) {
  SHARED(real, shared);
  const int warp = threadIdx.x / LANES;
  const long long i = row_of_warp();
  if (i >= n) return;
  const Row row = {G, C + i * k, k, 0, sq[i], false};
  Active A = {shared + warp * PLACES * PLACES + lane()};
  clear(A);
  real corr[SLOTS], w[SLOTS], error = row.sq;
  bool hard = target > 0 && target < NEAR * row.sq;
  while (!hard && size(A.used) < most && !(target > 0 && error <= target)) {
    const Offer offer = price(corr, A, row);
    const int who = strongest(offer.pull, offer.pull > 0);
    if (who < 0) break;
    const int j = __shfl_sync(ALL, offer.atom, who);
    const real pull = __shfl_sync(ALL, offer.corr, who), norm2 = row.gram(j)[j];
    if (magnitude(pull) <= TINY * sqrt(row.sq) * sqrt(norm2)) break;
    const real part = outside(w, A, row, j);
    hard = !(part > HARD * norm2);
    if (hard) break;
    const real v = pull / part;
    EACH(s) A.u[s] -= w[s] * v;
    border(A, j, w, part, v, 1, 0);
    error -= v * pull;
  }
  price(corr, A, row);  // it should be 0 on the set: what is left is what rounding has moved
  times(w, A, corr);
  EACH(s) if (in(A.used, s)) U[i * k + A.atom[s]] = A.u[s] + w[s];
  if (lane() == 0) errors[i] = hard ? real(nan("")) : error > 0 ? error : real(0);
}
