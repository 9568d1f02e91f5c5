// What a code leaves of its row, r = x − Σ u_j v_j, in double precision whatever the data's.
#include "warp.cuh"

constexpr int TILE = SLOTS == 1 ? 2 : 8;  // features that a lane takes at once

// Each row of X (n, d), a warp each, with its code in U (n, k) over the atoms V (k, d) of the norms (k,).
// Written are R (n, d), r as it is rounded, and of each row in sums (n, 5): ‖x‖², ‖r‖², ⟨uV, r⟩,
// Σ|u|‖v‖ and Σ|u|.
extern "C" __global__ void residual(const real *X, const real *V, const real *U, const real *norms,
                                    real *R, double *sums, int n, int d, int k) {
  const long long i = row_of_warp();
  if (i >= n) return;
  const real *const x = X + i * d, *const code = U + i * k;
  double own[SUMS] = {};  // of this lane
  for (int low = lane(); low - lane() < d; low += LANES * TILE) {
    double y[TILE] = {};  // uV
    for (int tile = 0; tile < k; tile += LANES) {
      const int mine = tile + lane();
      const real u = mine < k ? code[mine] : real(0);
      if (low == lane() && u != 0) own[3] += double(magnitude(u)) * norms[mine], own[4] += magnitude(u);
      for (unsigned some = __ballot_sync(ALL, u != 0); some; some &= some - 1) {
        const int from = first(some);
        const double other = __shfl_sync(ALL, u, from);
        const real *const v = V + (long long)(tile + from) * d + low;
#pragma unroll
        for (int t = 0; t < TILE; t++)
          if (low + t * LANES < d) y[t] += other * v[t * LANES];
      }
    }
#pragma unroll
    for (int t = 0; t < TILE; t++)
      if (low + t * LANES < d) {
        const double whole = x[low + t * LANES], r = whole - y[t];
        R[i * d + low + t * LANES] = real(r);
        own[0] += whole * whole, own[1] += r * r, own[2] += y[t] * r;
      }
  }
  for (int s = 0; s < SUMS; s++) own[s] = total(own[s]);
  if (lane() == 0)
    for (int s = 0; s < SUMS; s++) sums[i * SUMS + s] = own[s];
}
