// Orthogonal matching pursuit of a row, by Batch-OMP with the inverse of the Gram: what
// `kernels/pursuit.py` is on the host, which see. Atom j enters with the code v = q_j / δ, δ its
// squared length outside the span of the set, and the others move by −w v; ‖r‖² falls by v q_j.

constexpr bool SINGLE = sizeof(real) == 4;
constexpr real HARD = SINGLE ? real(1e-3) : real(1e-6);   // of ‖v‖²: with less the row is given up
constexpr real NEAR = SINGLE ? real(1e-3) : real(1e-10);  // of ‖x‖²: a target below it too
constexpr real TINY = 8 * EPS;  // of ‖x‖‖v‖: a pull that is rounding

// Pursue each row of C (n, k), a warp each, with the Gram G (k, k) and sq = ‖x‖² (n,): at most `most`
// atoms, fewer once the squared error is at most `target`. Written are what is not zero of the codes
// U (n, k), and the squared errors, rest (n,), NaN for a row that is given up.
extern "C" __global__ void pursuit(const real *G, const real *C, const real *sq, real *U, real *rest,
                                   int n, int k, int most, double target) {
  SHARED(real, shared);
  const int warp = threadIdx.x / LANES;
  const long long i = (long long)blockIdx.x * (blockDim.x / LANES) + warp;
  if (i >= n) return;
  const Row row = {G, C + i * k, k, 0, sq[i], false};
  Active A = {shared + warp * PLACES * PLACES + lane()};
  clear(A);
  real q[SLOTS], w[SLOTS], left = row.sq;
  bool hard = target > 0 && target < NEAR * row.sq;
  while (!hard && size(A.used) < most && !(target > 0 && left <= target)) {
    const Offer offer = price(q, A, row);
    const int who = strongest(offer.pull, offer.pull > 0);
    if (who < 0) break;
    const int j = __shfl_sync(ALL, offer.atom, who);
    const real pull = __shfl_sync(ALL, offer.q, who), norm2 = row.gram(j)[j];
    if (magnitude(pull) <= TINY * sqrt(row.sq) * sqrt(norm2)) break;
    const real part = outside(w, A, row, j);
    hard = !(part > HARD * norm2);
    if (hard) break;
    const real v = pull / part;
    EACH(s) A.u[s] -= w[s] * v;
    border(A, j, w, part, v, 1, 0);
    left -= v * pull;
  }
  price(q, A, row);  // it should be 0 on the set: what is left is what rounding has moved
  times(w, A, q);
  EACH(s) if (in(A.used, s)) U[i * k + A.atom[s]] = A.u[s] + w[s];
  if (lane() == 0) rest[i] = hard ? real(nan("")) : left > 0 ? left : real(0);
}
